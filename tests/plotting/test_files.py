"""Figures as files: three formats, opened again."""

import re
from pathlib import Path
from xml.etree import ElementTree

import matplotlib
import pytest
from PIL import Image

from evals.errors import ConfigError
from evals.plotting.figure import draw_figure
from evals.plotting.files import save_figure
from tests.plotting.drawn import make_table


def save(folder: Path, name: str) -> Path:
    path = folder / name
    figure = draw_figure(make_table(["coco"], shots=(0, 4)), width=5.0)
    save_figure(figure, path, made_from=["0123abcd"])
    return path


def test_a_png_has_three_hundred_dots_an_inch_and_names_its_runs(tmp_path: Path) -> None:
    with Image.open(save(tmp_path, "figure.png")) as picture:
        picture.load()
        assert picture.format == "PNG"
        assert picture.width == 1500
        assert picture.height > 500
        assert picture.text["Description"] == "evals runs 0123abcd"  # type: ignore[attr-defined]
        assert picture.getextrema() != ((255, 255),) * 4


def test_a_pdf_embeds_its_fonts_as_truetype(tmp_path: Path) -> None:
    content = save(tmp_path, "figure.pdf").read_bytes()
    assert content.startswith(b"%PDF-1.")
    assert content.rstrip().endswith(b"%%EOF")
    assert b"/FontFile2" in content
    assert b"/Type3" not in content
    assert b"evals runs 0123abcd" in content
    (width,) = re.findall(rb"/MediaBox \[ ?0 0 ([\d.]+) ", content)
    assert float(width) == pytest.approx(5 * 72)


def test_an_svg_holds_its_words_as_text(tmp_path: Path) -> None:
    root = ElementTree.parse(save(tmp_path, "figure.SVG")).getroot()
    texts = {element.text for element in root.iter("{http://www.w3.org/2000/svg}text")}
    assert {"Flamingo-9B", "OpenFlamingo-9B", "idefics-9b (idefics, 3 seeds)", "shots"} <= texts


@pytest.mark.parametrize("suffix", ["pdf", "png", "svg"])
def test_the_same_runs_give_the_same_bytes(suffix: str, tmp_path: Path) -> None:
    first, second = (save(tmp_path, f"{name}.{suffix}").read_bytes() for name in "ab")
    assert first == second
    assert b"Date" not in first


def test_settings_of_ones_own_neither_show_nor_change(tmp_path: Path) -> None:
    plain = save(tmp_path, "plain.svg").read_bytes()
    with matplotlib.rc_context({"font.size": 30, "lines.linewidth": 9, "svg.fonttype": "path"}):
        styled = save(tmp_path, "styled.svg").read_bytes()
        assert matplotlib.rcParams["font.size"] == 30
    assert styled == plain


@pytest.mark.parametrize("name", ["figure.jpg", "figure", "pdf", "figure.pdf.gz"])
def test_another_suffix_is_refused_with_the_three_that_there_are(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"ends in \.pdf, \.png or \.svg"):
        save(tmp_path, name)
    assert not list(tmp_path.iterdir())
