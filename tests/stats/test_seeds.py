"""What comes from demonstrations, and what from queries."""

import numpy as np
import pytest

from evals.stats import mean_standard_error, split_seeds


def draw(
    generator: np.random.Generator,
    *,
    seeds: float = 0.0,
    queries: float = 0.0,
    pictures: float = 0.0,
    rest: float = 0.0,
    shape: tuple[int, int],
    share: int = 1,
) -> list[list[float]]:
    table = 0.5 + seeds * generator.normal(size=(shape[0], 1))
    table = table + queries * generator.normal(size=(1, shape[1]))
    of_pictures = pictures * generator.normal(size=(1, shape[1] // share))
    table = table + np.repeat(of_pictures, share, axis=1)
    drawn: list[list[float]] = (table + rest * generator.normal(size=shape)).tolist()
    return drawn


def test_the_parts_are_those_that_were_put_in() -> None:
    generator = np.random.default_rng(0)
    scores = draw(generator, seeds=0.1, queries=3.0, rest=2.0, shape=(200, 2000))
    split = split_seeds(scores)
    of_queries, of_seeds, rest = 3.0**2 / 2000, 0.1**2, 2.0**2 / 2000
    assert split.of_queries == pytest.approx(of_queries**0.5, rel=0.05)
    assert split.of_demonstrations == pytest.approx(((of_seeds + rest) / 200) ** 0.5, rel=0.1)
    assert split.one_seed == pytest.approx((of_queries + of_seeds + rest) ** 0.5, rel=0.1)
    assert split.std == pytest.approx((of_seeds + rest) ** 0.5, rel=0.1)


@pytest.mark.parametrize("share", [1, 4])
def test_the_error_is_that_of_the_means_of_many_such_tables(share: int) -> None:
    generator = np.random.default_rng(1)
    clusters = [index // share for index in range(80)]
    splits = [
        split_seeds(
            draw(
                generator,
                seeds=0.05,
                queries=0.3,
                pictures=0.3,
                rest=0.3,
                shape=(4, 80),
                share=share,
            ),
            clusters,
        )
        for _ in range(1500)
    ]
    spread = np.std([split.mean for split in splits], ddof=1)
    assert np.sqrt(np.mean([s.standard_error**2 for s in splits])) == pytest.approx(
        spread, rel=0.06
    )


def test_demonstrations_that_do_not_matter_have_no_part() -> None:
    row = [0.0, 1.0, 0.3, 1.0, 0.0]
    clusters = ["a", "a", "b", "c", "c"]
    split = split_seeds([row] * 3, clusters)
    assert (split.of_demonstrations, split.std) == (0.0, 0.0)
    assert split.mean == pytest.approx(0.46)
    alone = mean_standard_error(row, clusters)
    assert (split.standard_error, split.of_queries, split.one_seed) == (
        pytest.approx(alone),
        pytest.approx(alone),
        pytest.approx(alone),
    )


def test_the_order_of_seeds_and_queries_moves_no_digit() -> None:
    scores = draw(np.random.default_rng(2), seeds=0.1, queries=1.0, rest=1.0, shape=(3, 50))
    turned = [row[::-1] for row in scores[::-1]]
    assert split_seeds(scores) == split_seeds(turned)


@pytest.mark.parametrize("scores", [[], [[1.0, 0.0]], [[1.0], [0.0]]])
def test_a_table_that_is_too_small_is_refused(scores: list[list[float]]) -> None:
    with pytest.raises(ValueError, match="two seeds and two queries"):
        split_seeds(scores)


def test_queries_on_a_single_picture_are_refused() -> None:
    with pytest.raises(ValueError, match="two clusters"):
        split_seeds([[0.0, 1.0], [1.0, 1.0]], ["a", "a"])
