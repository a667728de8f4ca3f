"""Answers and captions to score, made up: official files of VQAv2's and COCO's size and variety.

As in VQAv2, a question has 2.8 different answers in the mean, and a third of the questions has ten
equal ones. Of the 2.1 million answers 140,000 are different.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from evals.bench.questions import SUBSETS, write_vqav2
from evals.bench.vocabulary import ask

UNANIMOUS = 0.35
"""The share of questions with ten equal answers, which the official script does not normalise."""
_FORMS = ("a {}", "The {}", "{}.", "{}s", "two {}s", "{}, maybe", "{}/none", "1,000 {}", "isnt {}!")
"""What normalising must undo or keep."""
_SENTENCES = (
    "A {} {} is {} the {} in a {}.",
    "Two {}s and a {} near the {}",
    "There is a {} {}, {} on top of the {}.",
    "a {} with a {} that is {} by the {}",
    "The {} - {} and {} - sits in front of a {} {}.",
    "Someone's {} {} next to several {}s.",
)
_NUM_WORDS = 8_000
_CONSONANTS, _VOWELS = "bdfgklmnprstvz", "aeiou"


@dataclass(frozen=True, slots=True)
class VqaFiles:
    """Below `data_dir`, under their official names, and answers in the results format."""

    data_dir: Path

    @property
    def questions(self) -> Path:
        return self.data_dir / f"v2_OpenEnded_mscoco_{SUBSETS['val']}_questions.json"

    @property
    def annotations(self) -> Path:
        return self.data_dir / f"v2_mscoco_{SUBSETS['val']}_annotations.json"

    @property
    def results(self) -> Path:
        return self.data_dir / "results.json"


def write_vqa(data_dir: Path, num_questions: int) -> VqaFiles:
    """Write `questions.py`'s benchmark, its answers spelled as people do, and answers to it."""
    write_vqav2(data_dir, num_queries=num_questions)
    files, random = VqaFiles(data_dir), Random("answers")
    questions = _read(files.questions)["questions"]
    # The official script asks for this header.
    header = {"task_type": "Open-Ended", "data_type": "mscoco", "data_subtype": SUBSETS["val"]}
    _write(files.questions, {"info": {}, "license": {}, **header, "questions": questions})
    content = _read(files.annotations)
    results = []
    for row in content["annotations"]:
        answer = row["multiple_choice_answer"]
        if random.random() < UNANIMOUS:
            said = [answer] * len(row["answers"])
        else:
            said = [_say(answer, random) for _ in row["answers"]]
        for given, text in zip(row["answers"], said, strict=True):
            given["answer"] = text
        guess = answer if random.random() < 0.6 else ask(random)[1]
        results.append({"question_id": row["question_id"], "answer": _say(guess, random)})
    _write(files.annotations, content)
    _write(files.results, results)
    return files


def _say(answer: str, random: Random) -> str:
    chance = random.random()
    if chance < 0.7:
        return answer
    if chance < 0.8:
        return random.choice(_FORMS).format(answer)
    if chance < 0.9:
        return ask(random)[1]
    return f"{answer} {random.randrange(1_000_000)}"


def write_captions(annotations: Path, results: Path, num_images: int) -> None:
    """Write five captions to each image, and one more as its result, all of them on one scene."""
    random = Random("captions")
    words = [_make_word(random) for _ in range(_NUM_WORDS)]
    # Zipf's law: the second word is half as frequent as the first.
    weights = [1 / rank for rank in range(1, len(words) + 1)]
    captions, answers = [], []
    for image_id in range(1, num_images + 1):
        scene = random.choices(words, weights, k=6)
        said = [_describe(scene, random) for _ in range(6)]
        captions += [{"image_id": image_id, "caption": caption} for caption in said[1:]]
        answers.append({"image_id": image_id, "caption": said[0]})
    images = [{"id": answer["image_id"]} for answer in answers]
    _write(annotations, {"images": images, "annotations": captions})
    _write(results, answers)


def write_shifted_captions(annotations: Path, results: Path) -> None:
    """Answer each image of a COCO caption file with the next one's first caption."""
    first: dict[Any, str] = {}
    for row in _read(annotations)["annotations"]:
        first.setdefault(row["image_id"], row["caption"])
    others = [*first.values()][1:] + [*first.values()][:1]
    rows = [{"image_id": i, "caption": text} for i, text in zip(first, others, strict=True)]
    _write(results, rows)


def _make_word(random: Random) -> str:
    syllables = random.randint(1, 3)
    return "".join(random.choice(_CONSONANTS) + random.choice(_VOWELS) for _ in range(syllables))


def _describe(scene: list[str], random: Random) -> str:
    sentence = random.choice(_SENTENCES)
    return sentence.format(*random.sample(scene, sentence.count("{}")))


def _read(path: Path) -> Any:
    return json.loads(path.read_bytes())


def _write(path: Path, content: object) -> None:
    path.write_text(json.dumps(content))
