"""Mini TextVQA: signs with a word, a number or both, and questions that ask to read them.

Official layout: TextVQA_0.5.1_{train,val}.json, and the pictures of both splits in train_images/.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

from evals.mini.annotators import answer_ten_times
from evals.mini.drawing import SIZE, Rgb, Scene, center_line, draw_background, encode_jpeg
from evals.mini.glyphs import HEIGHT
from evals.mini.vqa_files import write_json

NUM_PICTURES = {"train": 2000, "val": 200}
FIRST_QUESTION_ID = {"train": 0, "val": 34_602}
"""As in the official files."""
DOT = 3
"""Pixels a dot: five letters fill the picture's width."""
WORDS = (
    "STOP", "EXIT", "OPEN", "SALE", "TAXI", "BANK", "CAFE", "SHOP", "HOTEL", "PIZZA", "MILK",
    "BREAD", "FISH", "BUS", "ZOO", "PARK", "GYM", "BAR", "MENU", "SOUP", "TEA", "PUSH", "PULL",
    "SLOW",
)  # fmt: skip
WORD_QUESTIONS = ("What does the sign say?", "What word is on the sign?")
NUMBER_QUESTIONS = ("What number is on the sign?", "What is the number?")
BOARDS: tuple[tuple[Rgb, Rgb], ...] = (
    ((200, 30, 35), (255, 255, 255)),
    ((25, 70, 190), (255, 255, 255)),
    ((20, 120, 60), (255, 255, 255)),
    ((250, 215, 40), (20, 20, 20)),
    ((250, 250, 250), (20, 20, 20)),
)
"""Colours of the board and of its lettering."""


@dataclass(frozen=True, slots=True)
class Sign:
    scene: Scene
    question: str
    answer: str
    answers: list[str]


def make_textvqa(folder: Path) -> None:
    seen: set[Scene] = set()
    (folder / "train_images").mkdir(parents=True)
    for split in NUM_PICTURES:
        rng = Random(f"mini textvqa {split}")
        rows = []
        for number, sign in enumerate(make_signs(rng, NUM_PICTURES[split], seen=seen)):
            image_id = f"{rng.getrandbits(64):016x}"
            (folder / "train_images" / f"{image_id}.jpg").write_bytes(encode_jpeg(sign.scene))
            rows.append(
                {
                    "question": sign.question,
                    "image_id": image_id,
                    "image_classes": ["Traffic sign"],
                    "flickr_original_url": "",
                    "flickr_300k_url": "",
                    "image_width": SIZE,
                    "image_height": SIZE,
                    "answers": sign.answers,
                    "question_tokens": sign.question.lower().rstrip("?").split(),
                    "question_id": FIRST_QUESTION_ID[split] + number,
                    "set_name": split,
                }
            )
        write_json(
            folder / f"TextVQA_0.5.1_{split}.json",
            {
                "dataset_type": split,
                "dataset_name": "textvqa",
                "dataset_version": "0.5.1",
                "data": rows,
            },
        )


def make_signs(rng: Random, num_signs: int, *, seen: set[Scene]) -> Iterator[Sign]:
    while num_signs:
        word, number = rng.choice(WORDS), str(rng.randrange(10, 100))
        layout = rng.choice(("word", "number", "both"))
        written = {"word": [word], "number": [number], "both": [word, number]}[layout]
        scene = _draw_sign(rng, written)
        if scene in seen:
            continue
        seen.add(scene)
        num_signs -= 1
        asks_word = layout == "word" or (layout == "both" and rng.random() < 0.5)
        answer = word.lower() if asks_word else number
        others = [name.lower() for name in WORDS] if asks_word else _misread(number)
        yield Sign(
            scene,
            question=rng.choice(WORD_QUESTIONS if asks_word else NUMBER_QUESTIONS),
            answer=answer,
            answers=answer_ten_times(rng, answer, others=[*others, "unanswerable"]),
        )


def _misread(number: str) -> list[str]:
    """Return what a hasty reader of a two-digit number might type."""
    return [number[::-1], number[0], number[1], str(int(number) + 1)]


def _draw_sign(rng: Random, written: list[str]) -> Scene:
    """Centre one or two lines on a board, a few pixels off the middle."""
    board, color = rng.choice(BOARDS)
    num_lines = len(written)
    pitch = (HEIGHT + 4) * DOT
    top = (SIZE - num_lines * pitch) // 2 + rng.randint(-6, 6)
    lines = tuple(
        center_line(
            text,
            y=top + index * pitch + 2 * DOT,
            dot=DOT,
            color=color,
            shift=rng.randint(-3, 3),
        )
        for index, text in enumerate(written)
    )
    sign = (1, max(0, top - 2), SIZE - 2, min(SIZE - 1, top + num_lines * pitch + 2), board)
    return Scene(lines=lines, background=draw_background(rng), board=sign)
