"""What comes from demonstrations, and what from queries."""

import numpy as np
import pytest

from evals.stats import split_seeds


def draw(*, seeds: float, queries: float, rest: float, shape: tuple[int, int]) -> list[list[float]]:
    generator = np.random.default_rng(0)
    table = 0.5 + seeds * generator.normal(size=(shape[0], 1))
    table = table + queries * generator.normal(size=(1, shape[1]))
    return (table + rest * generator.normal(size=shape)).tolist()


def test_the_parts_are_those_that_were_put_in() -> None:
    split = split_seeds(draw(seeds=0.1, queries=0.3, rest=0.2, shape=(200, 2000)))
    assert split.seeds == pytest.approx(0.1, rel=0.1)
    assert split.queries == pytest.approx(0.3, rel=0.05)
    assert split.rest == pytest.approx(0.2, rel=0.02)


def test_demonstrations_that_do_not_matter_have_no_part() -> None:
    split = split_seeds([[0.0, 1.0, 0.3, 1.0]] * 3)
    assert (split.seeds, split.rest) == (0.0, 0.0)
    assert split.mean == pytest.approx(0.575)
    assert split.standard_error == pytest.approx(np.std([0, 1, 0.3, 1], ddof=1) / 2)


@pytest.mark.parametrize("scores", [[], [[1.0, 0.0]], [[1.0], [0.0]]])
def test_a_table_that_is_too_small_is_refused(scores: list[list[float]]) -> None:
    with pytest.raises(ValueError, match="two seeds and two queries"):
        split_seeds(scores)
