"""A sample of a split: nested, of whole pictures, each label its share; and what its error says."""

import math
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.errors import ConfigError
from evals.files import cache_dir
from evals.metrics import ACCURACY, ROC_AUC
from evals.mini import ensure_mini
from evals.records import read_records
from evals.report.comparability import list_reasons
from evals.report.runs import RunState, read_run
from evals.report.table import build_table, format_csv, format_latex, format_markdown
from evals.runner import run_all, score_run
from evals.runner.sample import correct_error, draw_sample
from evals.runner.scoring import compute_scores
from evals.summary import RunSummary
from evals.types import Answer, Example, Metric, Prediction, Score, Task
from tests.runner.calls import Silent, open_session


def make_example(number: int, picture: int, label: int | None = None) -> Example:
    return Example(str(number), None, label=label, metadata={"image_id": str(picture)})


SPLITS = st.lists(
    st.tuples(st.integers(0, 12), st.sampled_from([None, 0, 1, 2])), min_size=1, max_size=40
).map(lambda rows: [make_example(number, *row) for number, row in enumerate(rows)])
SIZES = st.integers(1, 45)
SEEDS = st.integers(0, 5)


def ids_of(examples: Sequence[Example]) -> list[str]:
    return [example.id for example in examples]


@given(SPLITS, SIZES, SIZES, SEEDS)
def test_a_larger_sample_holds_a_smaller_one(
    split: list[Example], one: int, other: int, seed: int
) -> None:
    small, large = sorted((one, other))
    assert set(ids_of(draw_sample(split, small, seed=seed))) <= set(
        ids_of(draw_sample(split, large, seed=seed))
    )


@given(SPLITS, SIZES, SEEDS)
def test_a_sample_is_of_whole_pictures_in_file_order_and_no_larger_than_it_must(
    split: list[Example], size: int, seed: int
) -> None:
    drawn = draw_sample(split, size, seed=seed)
    pictures = {example.picture_id for example in drawn}
    assert ids_of(drawn) == [e.id for e in split if e.picture_id in pictures]
    assert len(drawn) >= min(size, len(split))
    per_picture = Counter(example.picture_id for example in drawn)
    assert len(drawn) - max(per_picture.values()) < size


@given(SPLITS, SIZES, SEEDS, st.randoms())
def test_the_order_of_the_file_moves_no_sample(
    split: list[Example], size: int, seed: int, shuffler: random.Random
) -> None:
    shuffled = shuffler.sample(split, len(split))
    assert set(ids_of(draw_sample(shuffled, size, seed=seed))) == set(
        ids_of(draw_sample(split, size, seed=seed))
    )


@given(st.lists(st.integers(0, 2), min_size=1, max_size=60), st.integers(1, 60), SEEDS)
def test_every_label_has_its_share_of_every_sample(labels: list[int], size: int, seed: int) -> None:
    split = [make_example(number, number, label) for number, label in enumerate(labels)]
    drawn = draw_sample(split, size, seed=seed)
    part = len(drawn) / len(split)
    counts = Counter(example.label for example in drawn)
    for label, number in Counter(labels).items():
        # One for the label itself, and its part of one for each label.
        assert abs(counts[label] - part * number) <= 1 + 3 * number / len(labels)


@pytest.mark.parametrize("labels", [[None] * 20, [0] * 15 + [1] * 5])
def test_every_picture_is_drawn_as_often_as_another(labels: list[int | None]) -> None:
    split = [make_example(number, number, label) for number, label in enumerate(labels)]
    seeds = range(2000)
    counts = Counter(example.id for seed in seeds for example in draw_sample(split, 8, seed=seed))
    expected = 8 / 20 * len(seeds)
    deviation = math.sqrt(len(seeds) * 0.4 * 0.6)
    assert len(counts) == len(split)
    for number in counts.values():
        assert abs(number - expected) < 4.5 * deviation  # 20 pictures: one run in 7,000


def test_another_seed_draws_another_sample() -> None:
    split = [make_example(number, number) for number in range(100)]
    assert len({tuple(ids_of(draw_sample(split, 10, seed=seed))) for seed in range(5)}) == 5


# ------------------------------------------------------------------------- errors

POPULATION = 400
"""Pictures, with one to three queries each; answers to one picture are alike."""


def make_population(seed: int) -> list[Prediction]:
    generator = random.Random(seed)
    predictions: list[Prediction] = []
    for picture in range(POPULATION):
        ease = generator.random()
        for _ in range(generator.randint(1, 3)):
            right = generator.random() < ease
            example = make_example(len(predictions), picture, label=0)
            answer = Answer(choice=0 if right else 1, probabilities=(0.5, 0.5))
            predictions.append(Prediction(example, answer))
    return predictions


def cover(size: int, *, corrected: bool, draws: int = 300) -> float:
    """Return how often the interval of a sample holds the score of all."""
    population = make_population(1)
    task = Task("t", "classify", load=lambda split, source: None, metrics=(ACCURACY,))  # type: ignore[arg-type, return-value]
    examples = [prediction.example for prediction in population]
    by_id = {prediction.example.id: prediction for prediction in population}
    whole = compute_scores(task, population)["accuracy"]["value"]
    hits = 0
    for seed in range(draws):
        drawn = [by_id[example.id] for example in draw_sample(examples, size, seed=seed)]
        sampled_from = examples if corrected else None
        low, high = compute_scores(task, drawn, sampled_from=sampled_from)["accuracy"]["interval"]
        hits += low <= whole <= high
    return hits / draws


@pytest.mark.parametrize("size", [200, 600])
def test_the_interval_holds_the_score_of_the_whole_split_as_often_as_it_says(size: int) -> None:
    assert 0.91 <= cover(size, corrected=True) <= 0.985  # 0.95, three deviations of 300 draws


def test_without_the_correction_the_interval_of_a_large_sample_is_too_wide() -> None:
    assert cover(600, corrected=False) > 0.99


def test_of_all_pictures_nothing_is_unknown() -> None:
    score = Score("s", 0.5, 10, standard_error=0.1, interval=(0.3, 0.9))
    corrected = correct_error(score, num_drawn=10, num_pictures=10)
    assert (corrected.standard_error, corrected.interval) == (0, (0.5, 0.5))
    quarter = correct_error(score, num_drawn=75, num_pictures=100)
    assert quarter.standard_error == pytest.approx(0.05)
    assert quarter.interval == pytest.approx((0.4, 0.7))
    unknown = Score("bleu", None, 10, note="not computed")
    assert correct_error(unknown, num_drawn=1, num_pictures=9) == unknown


def test_a_metric_that_looks_at_the_whole_split_gets_it_and_others_do_not() -> None:
    population = make_population(2)
    examples = [prediction.example for prediction in population]

    def compute(predictions: Sequence[Prediction]) -> tuple[Score, ...]:
        return (Score("own", 0.0, len(predictions)),)

    def compute_sample(
        predictions: Sequence[Prediction], split: Sequence[Example]
    ) -> tuple[Score, ...]:
        return (Score("own", float(len(split)), len(predictions)),)

    metric = Metric("own", compute, compute_sample=compute_sample)
    task = Task("t", "classify", load=lambda split, source: None, metrics=(metric,))  # type: ignore[arg-type, return-value]
    assert compute_scores(task, population[:9])["own"]["value"] == 0
    sampled = compute_scores(task, population[:9], sampled_from=examples)
    assert sampled["own"]["value"] == len(examples)


# ------------------------------------------------------------------------- runs


def run(where: Path, *words: str, task: str = "vqav2") -> list[tuple[Path, RunSummary]]:
    data_dir = ensure_mini(cache_dir()) / task
    fixed = (f"task={task}", "model=mock", f"data_dir={data_dir}", f"run_dir={where / 'run'}")
    return list(run_all(open_session(*fixed, *words)))


def test_a_larger_sample_continues_the_folder_and_scores_as_at_once(tmp_path: Path) -> None:
    ((run_dir, small),) = run(tmp_path, "shots=1", "sample=20")
    asked = {record.id for record in read_records(run_dir)}
    assert small.num_queries == len(asked) >= 20
    ((again, large),) = run(tmp_path, "shots=1", "sample=60")
    assert again == run_dir
    assert asked < {record.id for record in read_records(run_dir)}
    ((_, at_once),) = run(tmp_path / "afresh", "shots=1", "sample=60")
    assert (large.scores, large.plan_sha256) == (at_once.scores, at_once.plan_sha256)
    assert score_run(run_dir, Silent()) == large
    assert read_run(run_dir).state is RunState.FINISHED
    ((_, back),) = run(tmp_path, "shots=1", "sample=20")
    assert back.scores == small.scores
    ((_, first),) = run(tmp_path, "shots=1", "limit=20")
    assert first.scores != small.scores


def test_runs_of_other_shots_and_seeds_ask_the_same_queries(tmp_path: Path) -> None:
    made = run(tmp_path, "shots=[0,2]", "seed=[0,1]", "sample=15")
    assert len(made) == 4
    assert len({frozenset(r.id for r in read_records(run_dir)) for run_dir, _ in made}) == 1
    ((other, _),) = run(tmp_path / "other", "shots=0", "sample=15", "sample_seed=1")
    assert {r.id for r in read_records(other)} != {r.id for r in read_records(made[0][0])}


def test_tables_say_which_queries_were_asked(tmp_path: Path) -> None:
    ((run_dir, sampled),) = run(tmp_path, "shots=0", "sample=20", "sample_seed=3")
    said = f"{sampled.num_queries} of 200 queries, drawn at random (seed 3)"
    assert any(said in reason for reason in list_reasons(sampled))
    real = replace(sampled, is_mini=False)
    assert f"sample: {said}" in list_reasons(real)
    table = build_table([real], ())
    for text in (format_markdown(table), format_latex(table), format_csv(table)):
        assert said in text
    ((_, limited),) = run(tmp_path, "shots=0", "limit=20")
    assert "limit: the first 20 of 200 queries" in list_reasons(replace(limited, is_mini=False))
    assert read_run(run_dir).state is RunState.FINISHED


def test_a_sample_as_large_as_the_split_is_the_split(tmp_path: Path) -> None:
    ((_, sampled),) = run(tmp_path, "shots=0", "sample=200")
    ((_, whole),) = run(tmp_path / "whole", "shots=0")
    assert sampled.sample is None
    assert sampled.scores == whole.scores


def test_both_labels_are_in_a_small_sample_of_memes(tmp_path: Path) -> None:
    """The file's first rows may be of one label: an area under the curve needs two."""
    ((_, summary),) = run(tmp_path, "shots=0", "sample=6", task="hateful_memes")
    assert summary.scores[ROC_AUC.name]["value"] is not None


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("limit=5", "sample=5"), r"limit=5 is the first queries and sample=5 random ones; give"),
        (("sample=0",), "sample=0: it is a number of queries, at least 1"),
    ],
)
def test_what_cannot_be_drawn_is_refused(words: tuple[str, ...], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        open_session("task=vqav2", "model=mock", *words)
