"""Ten people who answer the same question and do not always agree.

At least six of them give the right answer, so it scores the full VQA accuracy (four agreeing
annotators are enough), and in about a quarter of the questions all ten do: only elsewhere does
the official scorer normalise answers.
"""

from collections.abc import Sequence
from random import Random

NUM_ANNOTATORS = 10


def answer_ten_times(rng: Random, answer: str, *, others: Sequence[str]) -> list[str]:
    """Return ten answers in the annotators' order, the odd ones drawn from `others`."""
    num_odd = rng.choices((0, 1, 2, 3, 4), weights=(25, 30, 25, 12, 8))[0]
    odd = [other for other in others if other != answer]
    answers = [answer] * (NUM_ANNOTATORS - num_odd) + rng.choices(odd, k=num_odd)
    rng.shuffle(answers)
    return answers


def answer_five_times_twice(rng: Random, answer: str, *, others: Sequence[str]) -> list[str]:
    """Return ten answers as OK-VQA has them: five annotators, each listed twice."""
    num_odd = rng.choices((0, 1, 2), weights=(40, 40, 20))[0]
    odd = [other for other in others if other != answer]
    five = [answer] * (5 - num_odd) + rng.choices(odd, k=num_odd)
    rng.shuffle(five)
    return [given for given in five for _ in range(2)]


def state_confidence(rng: Random) -> str:
    return rng.choices(("yes", "maybe", "no"), weights=(80, 15, 5))[0]
