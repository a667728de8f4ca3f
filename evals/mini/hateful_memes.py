"""Mini Hateful Memes: a harmless stand-in in which shapes are what is insulted.

A meme is hateful when its text is against the very shape that the picture shows, and not when
the picture shows another. As in the real data set, every text occurs with both labels and so
does every shape, equally often: neither text nor picture alone tells.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

from evals.mini.drawing import COLORS, SHAPES, SIZE, Line, Scene, draw_background, encode_png
from evals.mini.glyphs import ADVANCE, HEIGHT
from evals.mini.layout import place_alone

NUM_PAIRS = {"train": 1000, "dev_seen": 100, "test_seen": 100}
"""Of a hateful meme and its benign counterpart with the same text and another picture."""
FIRST_ID = {"train": 10_000, "dev_seen": 20_000, "test_seen": 30_000}
TEXTS = (
    "nobody wants a {shape} here",
    "send every {shape} away",
    "we hate the {shape}",
    "no more {shape} please",
    "a {shape} is never welcome",
)
_LETTERS_A_LINE = (SIZE - 4) // ADVANCE


@dataclass(frozen=True, slots=True)
class Meme:
    text: str
    shape: str
    """What the picture shows."""
    label: int
    scene: Scene


def make_hateful_memes(folder: Path) -> None:
    (folder / "img").mkdir(parents=True)
    seen: set[Scene] = set()
    for split in NUM_PAIRS:
        rng = Random(f"mini hateful memes {split}")
        memes = list(make_memes(rng, NUM_PAIRS[split], seen=seen))
        rng.shuffle(memes)
        lines = []
        for meme_id, meme in enumerate(memes, start=FIRST_ID[split]):
            name = f"img/{meme_id:05d}.png"
            (folder / name).write_bytes(encode_png(meme.scene))
            row = {"id": meme_id, "img": name, "label": meme.label, "text": meme.text}
            lines.append(json.dumps(row) + "\n")
        (folder / f"{split}.jsonl").write_text("".join(lines), encoding="utf-8")


def make_memes(rng: Random, num_pairs: int, *, seen: set[Scene]) -> Iterator[Meme]:
    """Yield pairs: a text with the shape it names, and the same text with another shape.

    The other shape runs through all of them in turn, so that over each round of 20 pairs every
    shape is shown as often with either label.
    """
    distances = len(SHAPES) - 1
    for index in range(num_pairs):
        named = index % len(SHAPES)
        distance = 1 + index // len(SHAPES) % distances
        text = rng.choice(TEXTS).format(shape=SHAPES[named])
        for label, shape in ((1, named), (0, (named + distance) % len(SHAPES))):
            yield _draw_unseen(rng, text, SHAPES[shape], label=label, seen=seen)


def _draw_unseen(rng: Random, text: str, shape: str, *, label: int, seen: set[Scene]) -> Meme:
    lines = _wrap(text)
    while True:
        color = rng.choice(list(COLORS))
        thing = place_alone(rng, color, shape, top=lines[-1].y)
        scene = Scene((thing,), lines, background=draw_background(rng))
        if scene not in seen:
            seen.add(scene)
            return Meme(text, shape, label, scene)


def _wrap(text: str) -> tuple[Line, ...]:
    """Break a text into lines of small lettering at the top of the picture."""
    rows = [""]
    for word in text.split():
        row = f"{rows[-1]} {word}".strip()
        if len(row) <= _LETTERS_A_LINE:
            rows[-1] = row
        else:
            rows.append(word)
    return tuple(
        Line(row, x=3, y=3 + index * (HEIGHT + 3), dot=1, color=(25, 25, 25))
        for index, row in enumerate(rows)
    )
