"""What a figure shows of a table, and that nothing of it lies on anything else."""

from typing import TYPE_CHECKING

import pytest
from matplotlib.collections import PolyCollection

from evals.errors import ConfigError, ResultsError
from evals.plotting.figure import draw_figure
from evals.report.layout import build_table
from tests.plotting.drawn import REFERENCES, list_texts, make_table
from tests.report.made_runs import BENCHMARKS, make_mini, make_run, make_score
from tests.report.test_formats import make_demo

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.transforms import Bbox


def list_boxes(figure: "Figure") -> "list[Bbox]":
    """Return where panels with their labels, the legend, the title and the notes are."""
    axes = [axes.get_tightbbox() for axes in figure.axes]
    texts = [text.get_window_extent() for text in figure.texts]
    legends = [legend.get_window_extent() for legend in figure.legends]
    return [box for box in (*axes, *texts, *legends) if box is not None]


def find_panel(figure: "Figure", title: str) -> "Axes":
    return next(axes for axes in figure.axes if axes.get_title(loc="left").startswith(title))


def test_a_panel_stands_for_each_benchmark_and_names_its_score() -> None:
    figure = draw_figure(make_table())
    titles = [axes.get_title(loc="left").split("\N{NO-BREAK SPACE}")[0] for axes in figure.axes]
    assert titles == ["VQAv2", "OK-VQA", "COCO", "TextVQA", "Hateful Memes"]
    assert [axes.get_ylabel() for axes in figure.axes] == [
        "official VQA accuracy",
        "VQA accuracy on raw answers",
        "CIDEr",
        "official VQA accuracy",
        "ROC AUC of hard labels",
    ]
    assert {axes.get_xlabel() for axes in figure.axes} == {"shots"}


def test_the_legend_names_runs_and_published_series_once() -> None:
    (legend,) = draw_figure(make_table(models=("mine", "yours"))).legends
    assert [text.get_text().replace("\n", " ") for text in legend.get_texts()] == [
        "mine (idefics, 3 seeds)",
        "yours (idefics, 3 seeds)",
        "Flamingo-9B",
        "OpenFlamingo-9B",
    ]


def test_the_legend_cuts_no_name() -> None:
    table = make_table(models=("a-model-with-quite-a-long-name",))
    for width in (3.3, 5.5, 7.0):
        (legend,) = draw_figure(table, width=width).legends
        names = [text.get_text().replace("\n", " ") for text in legend.get_texts()]
        assert "OpenFlamingo-9B" in names
        assert "a-model-with-quite-a-long-name (idefics, 3 seeds)" in names


def test_runs_are_solid_and_published_series_dashed_with_other_markers() -> None:
    figure = draw_figure(make_table(["coco"]))
    run, *published = find_panel(figure, "COCO").lines[:3]
    assert run.get_linestyle() == "-"
    assert run.get_markerfacecolor() == run.get_color()
    for line in published:
        assert line.get_linestyle() == "--"
        assert line.get_markerfacecolor() == "white"
    assert len({line.get_marker() for line in (run, *published)}) == 3


def test_a_series_looks_the_same_in_every_panel() -> None:
    figure = draw_figure(make_table(models=("mine", "yours")))
    colours = {tuple(line.get_color() for line in axes.lines[:4]) for axes in figure.axes}
    assert len(colours) == 1


def test_seeds_make_a_band_from_the_lowest_to_the_highest() -> None:
    axes = find_panel(draw_figure(make_table(["okvqa"], references=())), "OK-VQA")
    (band,) = (each for each in axes.collections if isinstance(each, PolyCollection))
    heights = band.get_paths()[0].vertices[:, 1]
    assert min(heights) == pytest.approx(45.33)
    assert max(heights) == pytest.approx(45.33 + 8 + 1)


def test_one_seed_has_bars_and_no_band() -> None:
    axes = find_panel(draw_figure(make_table(["okvqa"], seeds=1, references=())), "OK-VQA")
    (bars,) = axes.collections
    ends = [path.vertices[:, 1] for path in bars.get_paths()]
    assert ends[0] == pytest.approx([44.33, 46.53])


def test_what_is_not_comparable_is_marked_in_the_title_and_said_beneath() -> None:
    figure = draw_figure(make_demo())
    texts = list_texts(figure)
    assert "OK-VQA ᵃᵇᶜ" in texts
    notes = " ".join(texts)
    assert "ᵃ mini benchmark, not the real one (the first 100 of 200 queries)" in notes
    assert "ᵇ protocol: idefics, not flamingo" in notes
    assert "Source of Flamingo-9B, Flamingo-80B: arXiv:2204.14198v1 Table 3" in notes


def test_the_title_is_the_tables_or_ones_own_or_none() -> None:
    table = build_table([make_mini("okvqa")])
    own = "Few-shot results on mini benchmarks, which are not the real ones"
    assert "".join(list_texts(draw_figure(table, width=7.0))).count(own) == 1
    assert "Mine" in list_texts(draw_figure(table, title="Mine"))
    assert own not in "".join(list_texts(draw_figure(table, width=7.0, title="")))


@pytest.mark.parametrize("width", [None, 3.3, 14.0])
@pytest.mark.parametrize("tasks", [["coco"], ["coco", "okvqa"], list(BENCHMARKS)])
def test_nothing_lies_on_anything_else_or_outside(tasks: list[str], width: float | None) -> None:
    table = make_table(tasks, models=("a-model-with-quite-a-long-name", "b"), seeds=2)
    figure = draw_figure(table, width=width)
    boxes = list_boxes(figure)
    for index, box in enumerate(boxes):
        assert box.x0 >= 0
        assert box.y0 >= 0
        assert box.x1 <= figure.bbox.x1
        assert box.y1 <= figure.bbox.y1
        assert not any(box.overlaps(other) for other in boxes[index + 1 :])


def test_the_width_is_the_one_asked_for() -> None:
    assert draw_figure(make_table(["coco"]), width=5.5).get_figwidth() == 5.5
    assert draw_figure(make_table(["coco"])).get_figwidth() < 4
    assert draw_figure(make_table()).get_figwidth() == 7


@pytest.mark.parametrize("width", [0.0, -1.0, 1.9, 51.0, float("nan")])
def test_a_width_that_no_figure_has_is_refused(width: float) -> None:
    with pytest.raises(ConfigError, match="give 2 to 50"):
        draw_figure(make_table(["coco"]), width=width)


def test_a_fine_tuned_model_is_a_level_line() -> None:
    figure = draw_figure(make_table(["coco"], references=["fine-tuned-SOTA"]))
    (level,) = (line for line in figure.axes[0].lines if len(set(line.get_ydata())) == 1)
    assert level.get_ydata()[0] == 143.3
    assert "fine-tuned-SOTA" in list_texts(figure)
    assert "Level lines: published, at no number of shots" in " ".join(list_texts(figure))


def test_a_series_without_a_number_is_named() -> None:
    texts = list_texts(draw_figure(make_table(["coco"], references=["OFA", "IDEFICS-9B-RICES-5K"])))
    assert "Without a number here: IDEFICS-9B-RICES-5K" in " ".join(texts)


def test_a_panel_without_a_number_says_so() -> None:
    unscored = make_run("coco", scores={}, headline="cider", unscored="a server has the answers")
    texts = list_texts(draw_figure(build_table([make_run("okvqa"), unscored])))
    assert "no number" in texts
    assert "unscored: a server has the answers" in " ".join(texts)


def test_runs_without_any_number_are_refused_with_the_reason() -> None:
    run = make_run(scores={"raw_answers": make_score(None, None, "no answers")})
    with pytest.raises(ResultsError, match=r"no run has a number to draw:\n  - .*no answers"):
        draw_figure(build_table([run], REFERENCES))


def test_markup_in_a_name_is_drawn_as_it_is() -> None:
    name = r"my_model$x$^2&lt;"
    texts = " ".join(list_texts(draw_figure(make_table(["coco"], models=[name], references=()))))
    assert r"my_model$x$^2&amp;lt;" in texts


@pytest.mark.parametrize(("unit", "least"), [("points", 2.0), ("plain", 0.0046)])
def test_noise_does_not_look_like_a_slope_in_either_unit(unit: str, least: float) -> None:
    """Two points are much of a loss of 0.23, and would hide all that happens to it."""
    said = {"unit": unit, "higher_is_better": False}
    runs = [
        make_run(shots=shots, scores={"raw_answers": make_score(value, None) | said})
        for shots, value in ((0, 0.23), (4, 0.2301))
    ]
    (axes,) = draw_figure(build_table(runs)).axes
    low, high = axes.get_ylim()
    assert high - low == pytest.approx(least, rel=0.01)
    assert axes.get_ylabel() == "VQA accuracy on raw answers, lower is better"
