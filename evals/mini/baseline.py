"""What can be scored on the mini benchmarks without looking at a picture.

    python -m evals.mini.baseline

Each prior is learnt on the train split and scored on the val split with the official metrics:
the best constant answer, the best answer to each question type, and the best answer to each
question's exact words. A checkpoint has learnt something only where it is clearly above all.
"""

import json
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

from evals.files import cache_dir
from evals.metrics import CAPTIONS, OFFICIAL, RAW_ANSWERS, ROC_AUC
from evals.mini.examples import MINIS, MiniTask
from evals.mini.make import ensure_mini
from evals.types import Answer, Example, Metric, Prediction

Key = Callable[[Example], str]

_CANDIDATES = 5
"""Constant captions that are tried: the most frequent ones."""
_PRIORS: dict[str, Key] = {
    "constant": lambda example: "",
    "question type": lambda example: example.metadata.get("question_type", ""),
    "question": lambda example: example.question,
}


def score_priors(root: Path) -> dict[str, dict[str, float]]:
    """Return per task and prior its headline score under protocol idefics, as papers print it."""
    return {mini.name: _score_task(mini, root / mini.name) for mini in MINIS}


def _score_task(mini: MiniTask, data_dir: Path) -> dict[str, float]:
    support, queries = mini.read(data_dir, "train"), mini.read(data_dir, "val")
    if mini.kind == "caption":
        return {"constant": _score_captions(support, queries)}
    learn, metric = {
        "vqa": (_learn_answers, RAW_ANSWERS if mini.name == "okvqa" else OFFICIAL),
        "classify": (_learn_probabilities, ROC_AUC),
    }[mini.kind]
    scores = {}
    for name, key in _PRIORS.items():
        prior = learn(support, key)
        fallback = learn(support, _PRIORS["constant"])[""]
        answers = [prior.get(key(query), fallback) for query in queries]
        scores[name] = _score(metric, queries, answers)
    return scores


def _learn_answers(support: Sequence[Example], key: Key) -> dict[str, Answer]:
    """Return per key the answer that most annotators gave."""
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for example in support:
        counts[key(example)].update(example.shown_references)
    return {name: Answer(count.most_common(1)[0][0]) for name, count in counts.items()}


def _learn_probabilities(support: Sequence[Example], key: Key) -> dict[str, Answer]:
    """Return per key how often its memes are hateful."""
    labels: defaultdict[str, list[int]] = defaultdict(list)
    for example in support:
        labels[key(example)].append(example.label or 0)
    shares = {name: sum(values) / len(values) for name, values in labels.items()}
    return {name: Answer(probabilities=(1 - share, share)) for name, share in shares.items()}


def _score_captions(support: Sequence[Example], queries: Sequence[Example]) -> float:
    """Return CIDEr of the caption that suits the train split best."""
    from pycocoevalcap.cider.cider import Cider

    def split(caption: str) -> str:
        return caption.lower().rstrip(".")

    references = {e.id: [split(caption) for caption in e.references] for e in support}
    counts = Counter(caption for example in support for caption in example.references)
    trials = {
        caption: Cider().compute_score(references, {e: [split(caption)] for e in references})[0]
        for caption, _ in counts.most_common(_CANDIDATES)
    }
    best = max(trials, key=trials.__getitem__)
    return _score(CAPTIONS, queries, [Answer(best)] * len(queries), name="cider")


def _score(
    metric: Metric, queries: Sequence[Example], answers: Sequence[Answer], *, name: str = ""
) -> float:
    pairs = zip(queries, answers, strict=True)
    scores = metric.compute([Prediction(query, answer) for query, answer in pairs])
    score = next(score for score in scores if score.name == (name or metric.name))
    assert score.value is not None, score.note
    return round(score.scale.convert(score.value), 2)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(score_priors(ensure_mini(cache_dir())), indent=2) + "\n")
