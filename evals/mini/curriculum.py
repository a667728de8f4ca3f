"""Which episodes the tiny checkpoint is trained on, and in which order.

One thing after the other: in a mixture of all tasks most is to be gained without looking at any
picture for a long time, and what takes a leap (to compare a text with a picture, a picture with
the demonstrations' pictures) is not asked often enough to be found.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from random import Random

from evals.mini.episodes import Episode, build_episode, deal_teams
from evals.mini.examples import MINIS, MiniTask
from evals.mini.lookups import draw_lookups
from evals.protocols import load_protocol
from evals.types import Example

PROTOCOLS = {"idefics": 0.7, "flamingo": 0.1, "openflamingo": 0.1, "idefics_instruct": 0.1}
MAX_SHOTS = 8
MAX_EPISODES, MAX_PICTURES = 48, 112
"""Of a batch."""
NUM_LOOKUP_EPISODES = 32
"""Of a batch of look-ups."""
BATCHES_IN_POOL = 4
"""Drawn together and sorted by length, so that little is computed on padding."""

Splits = Mapping[str, list[Example]]


@dataclass(frozen=True, slots=True)
class Stage:
    """A part of the training."""

    until: float
    """The share of all steps after which it ends."""
    tasks: Mapping[str, float]
    """Task -> its share of the episodes."""
    max_shots: int
    zero_shot_share: float
    """Of batches without demonstrations; the others have 1 to `max_shots`."""
    lookup_share: float = 0.0
    """Of draws that are a batch of look-ups; other draws are `BATCHES_IN_POOL` of the tasks."""


_TOLD = {"okvqa": 0.6, "vqav2": 0.12, "textvqa": 0.12, "coco": 0.08, "hateful_memes": 0.08}
_ALL = {"vqav2": 0.25, "okvqa": 0.28, "textvqa": 0.24, "hateful_memes": 0.12, "coco": 0.11}
STAGES = (
    Stage(
        until=0.2,
        tasks={"vqav2": 0.4, "coco": 0.3, "textvqa": 0.3},
        max_shots=4,
        zero_shot_share=0.0,
    ),
    Stage(
        until=0.38,
        tasks={"hateful_memes": 0.4, "vqav2": 0.5, "textvqa": 0.1},
        max_shots=4,
        zero_shot_share=0.0,
    ),
    Stage(until=0.6, tasks=_TOLD, max_shots=MAX_SHOTS, zero_shot_share=0.1, lookup_share=0.5),
    Stage(until=0.76, tasks=_ALL, max_shots=MAX_SHOTS, zero_shot_share=0.15, lookup_share=0.94),
    Stage(until=0.86, tasks=_TOLD, max_shots=MAX_SHOTS, zero_shot_share=0.1, lookup_share=0.5),
    Stage(until=1.0, tasks=_ALL, max_shots=MAX_SHOTS, zero_shot_share=0.15, lookup_share=0.4),
)
"""Captions, colours, counts and lettering; whether a text fits its picture, which comes suddenly
and only where it is asked often; what demonstrations tell, first in prompts, then in little but
look-ups, where looking up is learnt, and in prompts again, where it is put to use; all together,
look-ups included, for they are soon forgotten."""


def draw_batches(splits: Splits, rng: Random, *, num_steps: int) -> Iterator[list[Episode]]:
    """Yield `num_steps` batches, stage after stage."""
    step = 0
    for stage in STAGES:
        while step < stage.until * num_steps:
            for batch in draw_pool(splits, rng, stage=stage):
                if step < num_steps:
                    yield batch
                step += 1


def draw_pool(splits: Splits, rng: Random, *, stage: Stage) -> list[list[Episode]]:
    """Draw a few batches of episodes with equally many demonstrations and of similar length."""
    if rng.random() < stage.lookup_share:
        return [[draw_lookups(rng) for _ in range(NUM_LOOKUP_EPISODES)]]
    zero_shot = rng.random() < stage.zero_shot_share
    num_shots = 0 if zero_shot else rng.randint(1, stage.max_shots)
    num_episodes = min(MAX_EPISODES, MAX_PICTURES // (num_shots + 1))
    num_drawn = num_episodes * BATCHES_IN_POOL
    names = rng.choices(list(stage.tasks), weights=list(stage.tasks.values()), k=num_drawn)
    protocols = rng.choices(list(PROTOCOLS), weights=list(PROTOCOLS.values()), k=num_drawn)
    minis = {mini.name: mini for mini in MINIS}
    pool = [
        draw_episode(minis[name], splits[name], rng, protocol=protocol, num_shots=num_shots)
        for name, protocol in zip(names, protocols, strict=True)
    ]
    pool.sort(key=lambda episode: len(episode.text))
    batches = [pool[start : start + num_episodes] for start in range(0, num_drawn, num_episodes)]
    rng.shuffle(batches)
    return batches


def draw_episode(
    mini: MiniTask, examples: list[Example], rng: Random, *, protocol: str, num_shots: int
) -> Episode:
    """Draw demonstrations and a query; OK-VQA's teams are dealt names anew."""
    rules = load_protocol(protocol)
    num_text_only = rules.num_text_only(mini.task, num_shots=num_shots)
    *shown, query = rng.sample(examples, num_shots + num_text_only + 1)
    return build_episode(
        mini,
        rules,
        shown=shown,
        query=query,
        rng=rng,
        text_only=num_text_only > 0,
        renamed=deal_teams(rng) if mini.name == "okvqa" else None,
    )
