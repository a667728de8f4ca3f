"""Pages of runs whose score is an error rate, and a mean rank."""

import pytest

from evals.pages import write_report
from tests.error_rates import run_numbers
from tests.pages.browsing import Watched
from tests.pages.conftest import Made
from tests.runner.calls import Silent


@pytest.fixture(scope="module")
def rates(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A run with 40 mistakes in 100 queries, and one with 20, as a report."""
    folder = tmp_path_factory.mktemp("rates")
    runs = tuple(run_numbers(folder, num_wrong=wrong)[1] for wrong in (40, 20))
    write_report(runs, folder / "report", progress=Silent())
    return Made(folder / "report", runs)


def test_the_first_page_says_that_lower_is_better(visit: Watched, rates: Made) -> None:
    visit.open(rates.report, "index.html")
    text = visit.page.inner_text("#results")
    assert "(error_rate ↓)" in text
    assert "↓: lower is better." in text
    visit.page.wait_for_selector("#curve-charts canvas")
    (label,) = visit.page.eval_on_selector_all(
        "canvas", "canvases => canvases.map(c => Chart.getChart(c).options.scales.y.title.text)"
    )
    assert label == "lower is better"
    assert "odd" in visit.page.inner_text("#breakdowns")
    assert "seed 0 ↓" in visit.page.inner_text("#breakdowns thead")


def test_queries_are_coloured_and_sorted_by_the_direction(visit: Watched, rates: Made) -> None:
    many, few = (run.name for run in rates.runs)
    visit.open(rates.report, "queries.html", run=many, beside=few, sort="gain down")
    assert visit.rows()[0][2:] == ["none", "20", "20", "100.0", "0.0"]
    classes = visit.page.eval_on_selector_all(
        "#rows tbody tr:first-child td", "cells => cells.map(c => c.className)"
    )
    assert classes[2:4] == ["wrong", "right"]
    visit.open(rates.report, "queries.html", run=few, beside=many, sort="gain up")
    assert visit.rows()[0][2:] == ["20", "none", "20", "0.0", "100.0"]


def test_a_plain_score_is_filtered_as_it_is_printed_and_has_no_colour(
    visit: Watched, rates: Made
) -> None:
    visit.open(rates.report, "queries.html", run=rates.runs[0].name, score="mean_rank", low="10")
    assert visit.status() == "40 of 100 queries"
    assert visit.page.inner_text("#rows thead th:last-child") == "mean_rank ↓"
    assert {row[-1] for row in visit.rows()} == {"17.00"}
    classes = visit.page.eval_on_selector_all(
        "#rows tbody td:nth-child(3)", "cells => cells.map(c => c.className)"
    )
    assert set(classes) == {""}
    visit.page.click("#rows tbody tr >> nth=0")
    visit.page.wait_for_selector("#detail .pairs")
    meters = visit.page.eval_on_selector_all(
        "#detail .pairs > :nth-child(3n+2)", "each => each.map(e => [e.tagName, e.optimum ?? null])"
    )
    assert meters == [["METER", 0], ["SPAN", None]]
