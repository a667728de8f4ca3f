"""COCO caption scores: BLEU-1..4, METEOR, ROUGE-L and CIDEr, as pycocoevalcap computes them.

Follows the COCO caption server (Chen et al. 2015) through salaniz/pycocoevalcap @ad63453. The
captions are tokenised once for all seven. Two traps of CIDEr: its idf comes from the references of
the images that are scored, so a subset's score is not comparable, and a single image scores 0.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from evals.metrics.bleu import corpus_bleu
from evals.metrics.cider import cider_per_image
from evals.metrics.meteor import meteor
from evals.metrics.ptb import ptb_tokenize
from evals.metrics.scoring import (
    NO_PREDICTIONS,
    check_ids,
    check_references,
    not_computed,
    with_error,
)
from evals.stats import Spread, bootstrap_mean, mean_standard_error
from evals.types import Metric, Prediction, Score

NAMES = ("bleu_1", "bleu_2", "bleu_3", "bleu_4", "meteor", "rouge_l", "cider")


@dataclass(frozen=True, slots=True)
class TokenisedCaptions:
    """Parallel: example ids, one hypothesis each, its references."""

    ids: list[str]
    hypotheses: list[str]
    references: list[list[str]]


def tokenise(predictions: Sequence[Prediction]) -> TokenisedCaptions:
    """Return all captions PTB-tokenised, ordered by example id so that no order moves a digit."""
    ordered = sorted(predictions, key=lambda prediction: prediction.example.id)
    tokens = iter(
        ptb_tokenize([text for p in ordered for text in (p.answer.text, *p.example.references)])
    )
    captions = TokenisedCaptions([p.example.id for p in ordered], [], [])
    for prediction in ordered:
        captions.hypotheses.append(next(tokens))
        captions.references.append([next(tokens) for _ in prediction.example.references])
    return captions


def _captions(predictions: Sequence[Prediction]) -> tuple[Score, ...]:
    check_ids(predictions)
    check_references(predictions)
    if not predictions:
        return tuple(not_computed(name, 0, note=NO_PREDICTIONS) for name in NAMES)
    captions = tokenise(predictions)
    with ThreadPoolExecutor(max_workers=1) as executor:
        # METEOR is a process of its own, which works while Python counts.
        meteor_scored = executor.submit(_meteor, captions)
        bleu_scores, rouge_score, cider_score = _bleu(captions), rouge_l(captions), cider(captions)
        return (*bleu_scores, meteor_scored.result(), rouge_score, cider_score)


def _bleu(captions: TokenisedCaptions) -> tuple[Score, ...]:
    bleu = corpus_bleu(captions.hypotheses, captions.references)
    return tuple(
        _with_spread(Score(f"bleu_{n}", value, len(captions.ids)), spread)
        for n, (value, spread) in enumerate(zip(bleu.values, bleu.spreads, strict=True), 1)
    )


def _meteor(captions: TokenisedCaptions) -> Score:
    """Return the corpus score; the spread of the images stands for its standard error.

    The corpus score is one formula over summed counts, near to but not the mean of the images'.
    """
    scored = meteor(captions.hypotheses, captions.references)
    return _score("meteor", scored.corpus, captions.ids, per_image=scored.per_caption)


def rouge_l(captions: TokenisedCaptions) -> Score:
    from pycocoevalcap.rouge.rouge import Rouge

    value, per_image = Rouge().compute_score(*_as_coco(captions))
    return _score("rouge_l", float(value), captions.ids, per_image=per_image.tolist())


def cider(captions: TokenisedCaptions) -> Score:
    """Score; the error is a bootstrap's over images, the idf being that of all of them."""
    import numpy as np

    per_image = cider_per_image(captions.hypotheses, captions.references)
    score = Score(
        "cider",
        float(np.mean(per_image)),
        len(captions.ids),
        per_example=dict(zip(captions.ids, per_image, strict=True)),
    )
    return _with_spread(score, bootstrap_mean(per_image))


def _as_coco(captions: TokenisedCaptions) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Return pycocoevalcap's (references, hypotheses), both id -> list of captions."""
    references = dict(zip(captions.ids, captions.references, strict=True))
    hypotheses = dict(zip(captions.ids, ([h] for h in captions.hypotheses), strict=True))
    return references, hypotheses


def _score(name: str, value: float, ids: Sequence[str], *, per_image: Sequence[float]) -> Score:
    per_example = dict(zip(ids, per_image, strict=True))
    score = Score(name, value, len(ids), per_example=per_example)
    return with_error(score, mean_standard_error(per_image), num_pictures=len(ids))


def _with_spread(score: Score, spread: Spread | None) -> Score:
    if spread is None:
        return replace(score, num_pictures=score.num_examples)
    return replace(
        score,
        standard_error=spread.standard_error,
        interval=spread.interval,
        num_pictures=score.num_examples,
    )


CAPTIONS = Metric("captions", _captions)
