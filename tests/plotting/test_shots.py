"""The shots axis."""

from itertools import pairwise

import pytest

from evals.plotting.figure import draw_figure
from evals.plotting.shots import place_shots
from tests.plotting.drawn import make_table


def list_ticks(shots: tuple[int, ...]) -> dict[int, str]:
    axes = draw_figure(make_table(["coco"], shots=shots, references=()), width=3.3).axes[0]
    labels = [label.get_text() for label in axes.get_xticklabels()]
    return {int(tick): label for tick, label in zip(axes.get_xticks(), labels, strict=True)}


def test_the_papers_shots_stand_evenly() -> None:
    assert [place_shots(shots, first=4) for shots in (0, 4, 8, 16, 32)] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("shots", [(0, 4, 8, 16, 32), (0,), (4,), (1, 2), (0, 3, 64)])
def test_every_number_of_shots_has_a_tick_and_no_other(shots: tuple[int, ...]) -> None:
    assert list_ticks(shots) == {count: str(count) for count in shots}


def test_labels_that_would_touch_are_left_out_and_their_ticks_stay() -> None:
    ticks = list_ticks((0, 1, *range(100, 112)))
    assert len(ticks) == 14
    assert (ticks[0], ticks[1]) == ("0", "1")
    assert ticks[100] == "100"
    assert ticks[101] == ""


def test_a_points_place_is_its_ticks() -> None:
    axes = draw_figure(make_table(["coco"], references=())).axes[0]
    assert list(axes.lines[0].get_xdata()) == [0, 4, 8, 16, 32]
    place = axes.transData.transform([(shots, 0) for shots in (0, 4, 8, 16, 32)])[:, 0]
    steps = [after - before for before, after in pairwise(place)]
    assert steps == pytest.approx([steps[0]] * 4)
