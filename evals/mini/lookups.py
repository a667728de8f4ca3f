"""Look-ups: each of a few words is always followed by a word of its own, all dealt anew.

Before a demonstration can tell a language model anything, it has to find where a word stood
before and go on as there (Olsson et al. 2022, "In-context Learning and Induction Heads"). The
benchmarks' prompts ask for it at one token in thirty, which is too seldom for it to be found; here
every third word asks, and after some 300 batches it is there, and soon in the prompts, too.
IDEFICS began with a language model that could do so already.
"""

from random import Random

from evals.mini.drawing import COLORS, SHAPES
from evals.mini.episodes import OTHER_NAMES, Episode
from evals.mini.okvqa import FRUITS, TEAMS

WORDS = (
    *COLORS,
    *SHAPES,
    *FRUITS.values(),
    *(team.split()[1] for team in TEAMS.values()),
    *OTHER_NAMES,
)
NUM_LOOKUPS = 40
"""Of an episode."""
MAX_PAIRS, MAX_FILLERS = 8, 2
"""Pairs of words in an episode, and words that mean nothing before each of its look-ups."""


def draw_lookups(rng: Random) -> Episode:
    """Draw pairs and a text of them; what follows a word for the first time is not asked."""
    num_pairs = rng.randint(2, MAX_PAIRS)
    words = rng.sample(WORDS, len(WORDS))
    keys, values, fillers = words[:num_pairs], words[num_pairs : 2 * num_pairs], words[16:]
    pairs = dict(zip(keys, values, strict=True))
    text, answers, seen = "<s>", [], set()
    for _ in range(NUM_LOOKUPS):
        key = rng.choice(keys)
        between = rng.choices(fillers, k=rng.randint(0, MAX_FILLERS))
        text += "".join(f" {word}" for word in (*between, key))
        finished = f"{text} {pairs[key]}"
        if key in seen:
            answers.append((len(text), len(finished)))
        text = finished
        seen.add(key)
    return Episode("lookups", text, tuple(answers), images=())
