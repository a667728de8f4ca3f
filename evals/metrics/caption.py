"""COCO caption scores: BLEU-1..4, METEOR, ROUGE-L and CIDEr, as pycocoevalcap computes them.

Follows the COCO caption server (Chen et al. 2015) through salaniz/pycocoevalcap @ad63453. The
captions are tokenised once for all seven.

A caption's tokens depend on the caption after it (`evals.metrics.ptb`), so passes and order are
those of COCOEvalCap.evaluate: all references, image by image, in one pass, and all hypotheses in
another. Its two published uses, with `params["image_id"]` left as it is (`coco.getImgIds()`) or set
to the results' (`coco_result.getImgIds()`, as coco_eval_example.py does), take the images in one
order: that of the annotation file's `images`, of which `loadRes` keeps those with a result. The
results file's order takes no part.

Two traps of CIDEr: its idf comes from the references of the images that are scored, so a subset's
score is not comparable, and a single image scores 0. Of a random sample the idf is therefore that
of the whole split (`Metric.compute_sample`).
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from evals.errors import list_problems
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
from evals.types import Answer, Example, Metric, Prediction, Score

NAMES = ("bleu_1", "bleu_2", "bleu_3", "bleu_4", "meteor", "rouge_l", "cider")


@dataclass(frozen=True, slots=True)
class TokenisedCaptions:
    """Parallel: example ids, one hypothesis each, its references."""

    ids: list[str]
    hypotheses: list[str]
    references: list[list[str]]
    split_references: list[list[str]] | None = None
    """Of all images of the split, where the predictions are a sample of it."""


def tokenise(
    predictions: Sequence[Prediction], split: Sequence[Example] | None = None
) -> TokenisedCaptions:
    """Return all captions PTB-tokenised, references in one pass and hypotheses in another.

    Both passes, and what is returned, are in the order of the predictions, which is the annotation
    file's; or in that of `split`, all examples of the split that the predictions are a sample of:
    references have the tokens then that they have where all images are scored.
    """
    examples = [p.example for p in predictions] if split is None else split
    answers = {p.example.id: p.answer.text for p in predictions}
    ids = [example.id for example in examples if example.id in answers]
    if len(ids) < len(answers):
        strangers = sorted(answers.keys() - set(ids))
        raise ValueError(f"examples that are not in the split:\n{list_problems(strangers)}")
    passes = (
        [answers[example_id] for example_id in ids],
        [reference for example in examples for reference in example.references],
    )
    with ThreadPoolExecutor(max_workers=len(passes)) as executor:  # each is a Java that starts
        hypotheses, tokens = executor.map(ptb_tokenize, passes)
    following = iter(tokens)
    references = {e.id: [next(following) for _ in e.references] for e in examples}
    return TokenisedCaptions(
        ids,
        hypotheses,
        [references[example_id] for example_id in ids],
        list(references.values()) if len(ids) < len(examples) else None,
    )


def _captions(
    predictions: Sequence[Prediction], split: Sequence[Example] | None = None
) -> tuple[Score, ...]:
    check_ids(predictions)
    # Of a sample, the whole split's: each of its images takes part in the idf.
    check_references(predictions if split is None else [Prediction(e, Answer()) for e in split])
    if not predictions:
        return tuple(not_computed(name, 0, note=NO_PREDICTIONS) for name in NAMES)
    captions = tokenise(predictions, split)
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
    """Score; the error is a bootstrap's over images, the idf being that of all of them.

    Of a sample, that of the whole split.
    """
    import numpy as np

    per_image = cider_per_image(captions.hypotheses, captions.references, captions.split_references)
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


CAPTIONS = Metric("captions", _captions, version=2, compute_sample=_captions)
