"""The first page, opened from disk."""

import pytest
from playwright.sync_api import Browser

from tests.pages.browsing import Watched, watch
from tests.pages.conftest import Made

WIDTHS = {"phone": 390, "laptop": 1400}


def test_the_table_stands_beside_the_published_numbers(visit: Watched, made: Made) -> None:
    visit.open(made.report, "index.html")
    heads = visit.page.eval_on_selector_all(".results .series", "ts => ts.map(t => t.textContent)")
    assert [head.rstrip("abcdefgh,") for head in heads] == [
        "mock (idefics)",
        "Flamingo-9B",
        "mock (idefics) − Flamingo-9B",
    ]
    assert "49.3" not in visit.page.inner_text(".results .run")
    published = visit.page.inner_text(".results .published").split()
    assert published[:4] == ["Flamingo-9B", "0", "51.8", "44.7"]
    assert "mini benchmark, not the real one" in visit.page.inner_text(".remarks")


def test_each_benchmark_has_a_curve_and_closed_sets_a_calibration(
    visit: Watched, made: Made
) -> None:
    visit.open(made.report, "index.html")
    visit.page.wait_for_selector("#curve-charts canvas")
    labels = visit.page.eval_on_selector_all("canvas", "cs => cs.map(c => c.ariaLabel)")
    assert labels == [
        "VQAv2 (official)",
        "OK-VQA (raw answers)",
        "Hateful Memes (ROC AUC, hard labels)",
        "Hateful Memes: mock, idefics, 0 shots, seed 0",
        "Hateful Memes: mock, idefics, 2 shots, seed 0",
    ]
    drawn = visit.page.eval_on_selector_all(
        "canvas",
        "cs => cs.map(c => c.getContext('2d').getImageData(0, 0, c.width, c.height)"
        ".data.some(v => v !== 0))",
    )
    assert drawn == [True] * 5


def test_a_number_leads_to_its_queries(visit: Watched, made: Made) -> None:
    visit.open(made.report, "index.html")
    visit.page.click(".results .run a >> nth=0")
    visit.wait_until_complete()
    assert visit.status() == "30 of 30 queries"


def test_parts_and_provenance_are_there(visit: Watched, made: Made) -> None:
    visit.open(made.report, "index.html")
    assert "OK-VQA val by question type" in visit.page.inner_text("#breakdowns")
    visit.page.click("#runs details summary >> nth=0")
    facts = visit.page.inner_text("#runs details dl >> nth=0")
    assert str(made.runs[-2].resolve()) in facts  # VQAv2 stands first in a table
    assert "official v" in facts


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS)
@pytest.mark.parametrize("name", ["index.html", "queries.html"])
def test_pages_fit_their_screen_in_light_and_dark(
    browser: Browser, made: Made, name: str, width: int, scheme: str
) -> None:
    with watch(browser, viewport={"width": width, "height": 800}, color_scheme=scheme) as watched:
        watched.open(made.report, name)
        page = watched.page
        assert page.evaluate("document.scrollingElement.scrollWidth") <= width
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        lightness = sum(int(part) for part in ground[4:-1].split(","))
        assert (lightness > 600) == (scheme == "light")
        page.click("#theme")
        other = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert other != ground
        page.reload()  # the reader's choice stays
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == other
        assert watched.complaints == []
