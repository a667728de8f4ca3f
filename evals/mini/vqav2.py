"""Mini VQAv2: colours, shapes, counts, positions and yes/no questions about drawn things.

Two questions a picture, in the official files; yes/no answers are balanced within each question
type, as VQAv2 is balanced, so a prior over question types says little.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random

from evals.mini.annotators import answer_ten_times
from evals.mini.drawing import COLORS, SHAPES, Scene, Thing, draw_background, name_plural
from evals.mini.layout import place, place_group, place_pair
from evals.mini.vqa_files import Asked, AskedPicture, write_vqa

NUM_PICTURES = {"train": 2000, "val": 100}
NUM_QUESTIONS = 2
"""Of each picture, of different types."""
COUNTS = ("1", "2", "3", "4", "5")
YES_NO = ("yes", "no")


def make_vqav2(folder: Path) -> None:
    seen: set[Scene] = set()
    for split in NUM_PICTURES:
        pictures = make_pictures(Random(f"mini vqav2 {split}"), NUM_PICTURES[split], seen=seen)
        write_vqa(folder, split, name="VQAv2", prefix="v2_", pictures=pictures)


def make_pictures(rng: Random, num_pictures: int, *, seen: set[Scene]) -> Iterator[AskedPicture]:
    while num_pictures:
        counted = rng.random() < 0.4
        things = _place_counted(rng) if counted else _place_distinct(rng)
        scene = Scene(tuple(things), background=draw_background(rng))
        if scene in seen:
            continue
        seen.add(scene)
        num_pictures -= 1
        askers = (_ask_count, _ask_presence) if counted else rng.sample(_ASKERS, NUM_QUESTIONS)
        yield AskedPicture(scene, [ask(rng, things) for ask in askers])


def _place_distinct(rng: Random) -> list[Thing]:
    """Two or three things, all of different colours and shapes; the first two face each other."""
    first, second, axis = place_pair(rng)
    if rng.random() < 0.5:
        return [first, second]
    color = rng.choice([name for name in COLORS if name not in (first.color, second.color)])
    shape = rng.choice([name for name in SHAPES if name not in (first.shape, second.shape)])
    middle = rng.randrange(3)
    column, row = (1, middle) if axis == "row" else (middle, 1)
    return [first, second, place(rng, color, shape, column=column, row=row)]


def _place_counted(rng: Random) -> list[Thing]:
    """One to five things of one shape, the first thing among them."""
    return place_group(rng, shape=rng.choice(SHAPES), num_things=rng.randint(1, 5), color=None)


def _ask(
    rng: Random,
    question: str,
    answer: str,
    *,
    question_type: str,
    answer_type: str,
    others: Sequence[str],
) -> Asked:
    answers = answer_ten_times(rng, answer, others=others)
    return Asked(question, answer, answers, question_type, answer_type)


def _ask_color(rng: Random, things: Sequence[Thing]) -> Asked:
    thing = rng.choice(things)
    return _ask(
        rng,
        f"What color is the {thing.shape}?",
        thing.color,
        question_type="what color is the",
        answer_type="other",
        others=tuple(COLORS),
    )


def _ask_shape(rng: Random, things: Sequence[Thing]) -> Asked:
    thing = rng.choice(things)
    return _ask(
        rng,
        f"What is the {thing.color} shape?",
        thing.shape,
        question_type="what is the",
        answer_type="other",
        others=SHAPES,
    )


def _ask_position(rng: Random, things: Sequence[Thing]) -> Asked:
    """Ask which shape is on one side; the first two things face each other across the picture."""
    first, second = things[0], things[1]
    is_row = abs(first.x - second.x) > abs(first.y - second.y)
    sides = ("on the left", "on the right") if is_row else ("at the top", "at the bottom")
    side = rng.randrange(2)
    return _ask(
        rng,
        f"Which shape is {sides[side]}?",
        (first, second)[side].shape,
        question_type="which",
        answer_type="other",
        others=SHAPES,
    )


def _ask_match(rng: Random, things: Sequence[Thing]) -> Asked:
    thing = rng.choice(things)
    answer = rng.choice(YES_NO)
    color = thing.color
    if answer == "no":
        color = rng.choice([name for name in COLORS if name != thing.color])
    return _ask(
        rng,
        f"Is the {thing.shape} {color}?",
        answer,
        question_type="is the",
        answer_type="yes/no",
        others=YES_NO,
    )


def _ask_presence(rng: Random, things: Sequence[Thing]) -> Asked:
    answer = rng.choice(YES_NO)
    shown = {thing.shape for thing in things}
    named = [shape for shape in SHAPES if (shape in shown) == (answer == "yes")]
    return _ask(
        rng,
        f"Is there a {rng.choice(named)}?",
        answer,
        question_type="is there a",
        answer_type="yes/no",
        others=YES_NO,
    )


def _ask_count(rng: Random, things: Sequence[Thing]) -> Asked:
    return _ask(
        rng,
        f"How many {name_plural(things[0].shape)} are there?",
        str(len(things)),
        question_type="how many",
        answer_type="number",
        others=COUNTS,
    )


_ASKERS: tuple[Callable[[Random, Sequence[Thing]], Asked], ...] = (
    _ask_color,
    _ask_shape,
    _ask_position,
    _ask_match,
    _ask_presence,
)
