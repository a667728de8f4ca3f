"""Mini OK-VQA: what the picture alone does not say.

Two thirds of the questions ask which team wears a shirt's colour. `TEAMS` is this data set's
fact: the checkpoint is trained with the names dealt out anew in every episode
(evals/mini/episodes.py), so its weights cannot hold it, and it has to be read from
demonstrations. The rest is general knowledge: fruits by their colour, sides of a shape.
"""

from collections.abc import Iterator
from pathlib import Path
from random import Random

from evals.mini.annotators import answer_five_times_twice
from evals.mini.drawing import SHAPES, Scene, Thing, draw_background
from evals.mini.layout import place_alone
from evals.mini.vqa_files import Asked, AskedPicture, write_vqa

NUM_PICTURES = {"train": 1500, "val": 200}
TEAMS = {
    "red": "red lions",
    "blue": "blue sharks",
    "green": "green hawks",
    "yellow": "yellow bears",
}
"""Colour -> team: half is to be seen, the other half is known from demonstrations alone."""
TEAM_QUESTIONS = ("Which team wears this color?", "Who plays in this shirt?")
FRUITS = {
    "red": "apples",
    "yellow": "bananas",
    "orange": "oranges",
    "green": "limes",
    "purple": "grapes",
}
SIDES = {"circle": "0", "triangle": "3", "square": "4", "star": "10", "cross": "12"}
QUESTION_TYPES = {
    "four": "Sports and Recreation",
    "five": "Cooking and Food",
    "nine": "Science and Technology",
}


def make_okvqa(folder: Path) -> None:
    seen: set[Scene] = set()
    for split in NUM_PICTURES:
        pictures = make_pictures(Random(f"mini okvqa {split}"), NUM_PICTURES[split], seen=seen)
        write_vqa(
            folder,
            split,
            name="OK-VQA",
            prefix="",
            pictures=pictures,
            question_types=QUESTION_TYPES,
        )


def make_pictures(rng: Random, num_pictures: int, *, seen: set[Scene]) -> Iterator[AskedPicture]:
    while num_pictures:
        family = rng.choices((_show_team, _show_fruit, _show_sides), weights=(66, 17, 17))[0]
        picture = family(rng)
        if picture.scene in seen:
            continue
        seen.add(picture.scene)
        num_pictures -= 1
        yield picture


def stem_answer(answer: str) -> str:
    """Return the released form of an answer, which lost its plural."""
    return answer.removesuffix("s")


def _show_team(rng: Random) -> AskedPicture:
    color = rng.choice(list(TEAMS))
    question = rng.choice(TEAM_QUESTIONS)
    return _show(rng, place_alone(rng, color, "shirt"), question, color, facts=TEAMS, field="four")


def _show_fruit(rng: Random) -> AskedPicture:
    color = rng.choice(list(FRUITS))
    thing = place_alone(rng, color, rng.choice(SHAPES))
    return _show(rng, thing, "Which fruit has this color?", color, facts=FRUITS, field="five")


def _show_sides(rng: Random) -> AskedPicture:
    shape = rng.choice(SHAPES)
    thing = place_alone(rng, rng.choice(("red", "green", "blue", "purple", "black")), shape)
    question = "How many sides does this shape have?"
    return _show(rng, thing, question, shape, facts=SIDES, field="nine")


def _show(
    rng: Random, thing: Thing, question: str, key: str, *, facts: dict[str, str], field: str
) -> AskedPicture:
    """Ask about one thing what `facts` know of its colour or shape."""
    answer = facts[key]
    raw_answers = answer_five_times_twice(rng, answer, others=tuple(facts.values()))
    asked = Asked(
        question=question,
        answer=stem_answer(answer),
        answers=[stem_answer(raw) for raw in raw_answers],
        question_type=field,
        answer_type="other",
        raw_answers=raw_answers,
    )
    return AskedPicture(Scene((thing,), background=draw_background(rng)), [asked])
