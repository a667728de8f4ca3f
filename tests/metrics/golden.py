"""Readers of the golden files, apart from the package's own so that they share no bug."""

import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from evals.metrics.okvqa_stem import Linguist, words
from evals.types import Answer, Example, Prediction


def read_json(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))


def read_rows(path: Path) -> Iterator[list[str]]:
    """Rows of a gzipped JSON-lines file."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def golden_score(golden_dir: Path, name: str) -> Any:
    return read_json(golden_dir / "golden.json")[name]


def vqa_example(annotation: Mapping[str, Any]) -> Example:
    """An example of an official VQA-like annotation, with OK-VQA's raw answers where given."""
    answers = annotation["answers"]
    return Example(
        id=str(annotation["question_id"]),
        image=None,
        references=tuple(answer["answer"] for answer in answers),
        raw_references=tuple(a["raw_answer"] for a in answers if "raw_answer" in a),
        metadata={k: annotation[k] for k in ("answer_type", "question_type") if k in annotation},
    )


def vqa_predictions(
    annotations: list[dict[str, Any]], answers: list[dict[str, Any]]
) -> list[Prediction]:
    examples = {annotation["question_id"]: vqa_example(annotation) for annotation in annotations}
    assert len(examples) == len(answers)
    return [Prediction(examples[row["question_id"]], Answer(row["answer"])) for row in answers]


def golden_linguist(stems: Mapping[str, str]) -> Linguist:
    """A linguist who reads plurals and lemmas off the golden stems, in place of nltk's data."""
    rows = [(words(raw), stemmed.split()) for raw, stemmed in stems.items()]
    golden = {tuple(tokens): stemmed for tokens, stemmed in rows}
    lemmas = {
        word: stem
        for tokens, stemmed in rows
        for word, stem in zip(tokens, stemmed, strict=True)
        if word.endswith("ing")
    }

    def tag(tokens: Sequence[str]) -> list[tuple[str, str]]:
        pairs = zip(tokens, golden[tuple(tokens)], strict=True)
        return [(word, "NN" if word == stem else "NNS") for word, stem in pairs]

    return Linguist(tokenize=words, tag=tag, verb_lemma=lemmas.__getitem__)


def okvqa_predictions(golden_dir: Path) -> list[Prediction]:
    """PICa's answers to OK-VQA val."""
    folder = golden_dir / "okvqa"
    annotations = read_json(folder / "mscoco_val2014_annotations.json")["annotations"]
    return vqa_predictions(annotations, read_json(folder / "pica_vinvl_n16_results.json"))
