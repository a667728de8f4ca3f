"""Whether the tests are what they say they are: on simulated runs, where the truth is known.

    python -m evals.comparison.calibration                 # 10,000 simulations, some minutes
    python -m evals.comparison.calibration --simulations 2000

For each way of scoring, pairs of runs are drawn that do not differ, and the part that is called
different at 0.05 is counted (it should be 5 %), and how often a 95 % interval holds the true score
(95 %) and the true difference (95 %); then pairs that differ by the smallest detectable difference,
and how often that is found (80 %). Queries on one picture are alike in both runs.
"""

import argparse
import json
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING

from evals import stats
from evals.comparison.assessing import Assessment, assess_mean
from evals.stats import Interval

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NUM_PICTURES = 300
ALIKE = 0.5
"""The chance that the second run answers a query just as the first did."""
NUM_PILOTS, NUM_STEPS = 200, 3
"""Simulations that say what the smallest detectable difference is, and how often they are asked."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """One simulated pair of runs."""

    before: Sequence[float]
    after: Sequence[float]
    pictures: Sequence[str]
    labels: Sequence[int] = ()
    """Of closed sets: `before` and `after` rank the queries."""


@dataclass(frozen=True, slots=True)
class Scenario:
    name: str
    draw: Callable[["np.random.Generator", float], Drawn]
    """(generator, shift of the second run's mean) -> runs."""
    truth: float
    """The first run's score with endlessly many queries."""


@dataclass(frozen=True, slots=True)
class Calibration:
    scenario: str
    test: str
    rejected: float
    """Part of the pairs without a difference that were called different."""
    exact_rejected: float | None
    """The same of McNemar's exact test."""
    covered: float
    """Part of the first run's intervals that hold its true score."""
    difference_covered: float
    """Part of the intervals of the difference that hold zero."""
    power: float
    """Part of the pairs with the smallest detectable difference that were called different."""
    detectable: float


def calibrate(scenario: Scenario, *, num_simulations: int, seed: int = 0) -> Calibration:
    import numpy as np

    generator = np.random.default_rng([seed, *scenario.name.encode()])
    pilots = [_assess(scenario.draw(generator, 0.0)) for _ in range(NUM_PILOTS)]
    detectable = _find_detectable(scenario, generator)
    rejected = exact = covered = holds_zero = found = 0
    for _ in range(num_simulations):
        drawn = scenario.draw(generator, 0.0)
        made = _assess(drawn)
        rejected += _is_small(made.p_value)
        exact += _is_small(made.exact_p)
        holds_zero += _holds(made.difference.interval, 0.0)
        covered += _holds(_score_interval(drawn), scenario.truth)
        found += _is_small(_assess(scenario.draw(generator, detectable)).p_value)
    return Calibration(
        scenario.name,
        pilots[0].test,
        rejected / num_simulations,
        exact / num_simulations if pilots[0].exact_p is not None else None,
        covered / num_simulations,
        holds_zero / num_simulations,
        found / num_simulations,
        detectable,
    )


def _find_detectable(scenario: Scenario, generator: "np.random.Generator") -> float:
    """Return the difference that runs which differ by it state as the smallest detectable.

    The spread changes with the mean, so it is looked for in steps.
    """
    shift = 0.0
    for _ in range(NUM_STEPS):
        made = [_assess(scenario.draw(generator, shift)) for _ in range(NUM_PILOTS)]
        shift = math.fsum(each.smallest_detectable or 0.0 for each in made) / NUM_PILOTS
    return shift


def list_scenarios(num_pictures: int = NUM_PICTURES) -> list[Scenario]:
    """Return right or wrong, graded and ranked answers, with 1 and with 5 queries a picture."""
    scenarios = []
    for queries in (1, 5):
        shape = (num_pictures, queries)
        for mean in (0.3, 0.6):
            draw = partial(_draw_means, shape=shape, mean=mean, grades=1)
            scenarios.append(Scenario(f"right or wrong, {mean}, {queries} a picture", draw, mean))
        graded = partial(_draw_means, shape=shape, mean=0.5, grades=4)
        scenarios.append(Scenario(f"graded, 0.5, {queries} a picture", graded, 0.5))
        ranked = partial(_draw_ranks, shape=shape, area=0.7)
        scenarios.append(Scenario(f"ROC AUC, 0.7, {queries} a picture", ranked, 0.7))
    return scenarios


def _assess(drawn: Drawn) -> Assessment:
    if not drawn.labels:
        return assess_mean(drawn.before, drawn.after, drawn.pictures, num_flips=999)
    area = stats.roc_auc_difference(drawn.labels, drawn.before, drawn.after, drawn.pictures)
    assert area.standard_error is not None
    clusters = len(set(drawn.pictures))
    interval = stats.t_interval(area.value, area.standard_error, num_clusters=clusters)
    difference = stats.Difference(area.value, area.standard_error, interval, clusters)
    return Assessment(difference, stats.t_test(difference), "DeLong")


def _score_interval(drawn: Drawn) -> Interval:
    clusters = len(set(drawn.pictures))
    if drawn.labels:
        value, error = stats.roc_auc(drawn.labels, drawn.before, drawn.pictures)
    else:
        value = math.fsum(drawn.before) / len(drawn.before)
        error = stats.mean_standard_error(drawn.before, drawn.pictures)
    assert error is not None
    return stats.t_interval(value, error, num_clusters=clusters)


def _draw_means(
    generator: "np.random.Generator",
    shift: float,
    *,
    shape: tuple[int, int],
    mean: float,
    grades: int,
) -> Drawn:
    """Draw answers of `grades` + 1 grades from 0 to 1; a picture's are easy or hard together."""

    def draw_run(mean: float) -> "NDArray[np.float64]":
        # A beta distribution of mean `mean`: a picture's queries correlate by 1 / 3.
        ease = generator.beta(2 * mean, 2 * (1 - mean), size=(shape[0], 1))
        return generator.binomial(grades, ease, size=shape) / grades

    before, fresh = draw_run(mean), draw_run(mean + shift / (1 - ALIKE))
    is_alike = generator.random(shape) < ALIKE
    after = is_alike * before + (1 - is_alike) * fresh
    return Drawn(before.ravel().tolist(), after.ravel().tolist(), _name_pictures(shape))


def _draw_ranks(
    generator: "np.random.Generator", shift: float, *, shape: tuple[int, int], area: float
) -> Drawn:
    """Draw scores of two normal classes; the area is the normal distribution's of their distance.

    The two runs have half of their noise in common, and a picture's queries a third.
    """
    from scipy.stats import norm

    labels = generator.integers(0, 2, size=shape)
    common = generator.normal(size=shape) + generator.normal(size=(shape[0], 1))

    def draw_run(area: float) -> "NDArray[np.float64]":
        own = generator.normal(size=shape) + generator.normal(size=(shape[0], 1))
        # The noise's variance is 4, and that of the difference of two examples 8.
        distance = norm.ppf(area) * math.sqrt(8)
        noise: NDArray[np.float64] = common + own + distance * labels
        return noise

    before, after = draw_run(area), draw_run(area + shift)
    return Drawn(
        before.ravel().tolist(),
        after.ravel().tolist(),
        _name_pictures(shape),
        labels.ravel().tolist(),
    )


def _name_pictures(shape: tuple[int, int]) -> list[str]:
    return [str(picture) for picture in range(shape[0]) for _ in range(shape[1])]


def _is_small(p_value: float | None) -> bool:
    return p_value is not None and p_value <= 0.05


def _holds(interval: Interval | None, value: float) -> bool:
    return interval is not None and interval.low <= value <= interval.high


def main(arguments: Sequence[str]) -> None:
    """Print a table, and last one JSON line."""
    parser = argparse.ArgumentParser(prog="python -m evals.comparison.calibration")
    parser.add_argument("--simulations", type=int, default=10_000)
    parser.add_argument("--only", default="", help="scenarios whose name has this in it")
    options = parser.parse_args(arguments)
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(
        title=f"{options.simulations:,} simulations of {NUM_PICTURES} pictures, in %",
        caption="rejected: no true difference, at level 5; power: at the smallest detectable",
        box=box.SIMPLE_HEAD,
    )
    heads = ("rejected", "exact", "covers score", "covers difference", "power", "detectable")
    for head in ("scenario", "test", *heads):
        table.add_column(head, justify="right" if head in heads else "left")
    made = []
    for scenario in list_scenarios():
        if options.only not in scenario.name:
            continue
        sys.stderr.write(f"{scenario.name}\n")
        made.append(row := calibrate(scenario, num_simulations=options.simulations))
        values = (
            row.rejected,
            row.exact_rejected,
            row.covered,
            row.difference_covered,
            row.power,
            row.detectable,
        )
        cells = ("-" if value is None else f"{100 * value:.2f}" for value in values)
        table.add_row(row.scenario, row.test, *cells)
    Console().print(table)
    sys.stdout.write(json.dumps([asdict(row) for row in made]) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
