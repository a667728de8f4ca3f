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
from evals.protocols import load_protocol
from evals.types import Example

PROTOCOLS = {"idefics": 0.7, "flamingo": 0.1, "openflamingo": 0.1, "idefics_instruct": 0.1}
MAX_SHOTS = 8
MAX_EPISODES, MAX_PICTURES = 48, 112
"""Of a batch."""
NUM_TOLD, MAX_TOLD_EPISODES = 12, 16
"""Demonstrations of an episode that is told, and such episodes in a batch."""
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
    told_share: float = 0.0
    """Of batches whose demonstrations are all told, without pictures: more for the same time."""


STAGES = (
    Stage(
        until=0.2,
        tasks={"vqav2": 0.4, "coco": 0.3, "textvqa": 0.3},
        max_shots=4,
        zero_shot_share=0.0,
    ),
    Stage(
        until=0.4,
        tasks={"hateful_memes": 0.4, "vqav2": 0.5, "textvqa": 0.1},
        max_shots=4,
        zero_shot_share=0.0,
    ),
    Stage(
        until=0.65,
        tasks={"okvqa": 0.8, "vqav2": 0.1, "hateful_memes": 0.05, "textvqa": 0.05},
        max_shots=MAX_SHOTS,
        zero_shot_share=0.0,
        told_share=0.5,
    ),
    Stage(
        until=1.0,
        tasks={
            "vqav2": 0.28,
            "okvqa": 0.24,
            "textvqa": 0.24,
            "hateful_memes": 0.12,
            "coco": 0.12,
        },
        max_shots=MAX_SHOTS,
        zero_shot_share=0.15,
    ),
)
"""Captions, colours, counts and lettering; whether a text fits its picture, which comes suddenly
and only where it is asked often; answers that only demonstrations tell; all together."""


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
    zero_shot = rng.random() < stage.zero_shot_share
    told = rng.random() < stage.told_share
    num_shots = 0 if zero_shot or told else rng.randint(1, stage.max_shots)
    num_episodes = min(MAX_TOLD_EPISODES if told else MAX_EPISODES, MAX_PICTURES // (num_shots + 1))
    num_drawn = num_episodes * BATCHES_IN_POOL
    names = rng.choices(list(stage.tasks), weights=list(stage.tasks.values()), k=num_drawn)
    protocols = rng.choices(list(PROTOCOLS), weights=list(PROTOCOLS.values()), k=num_drawn)
    minis = {mini.name: mini for mini in MINIS}
    pool = [
        draw_episode(
            minis[name],
            splits[name],
            rng,
            protocol=protocol,
            num_shots=num_shots,
            num_told=NUM_TOLD if told else None,
        )
        for name, protocol in zip(names, protocols, strict=True)
    ]
    pool.sort(key=lambda episode: len(episode.text))
    batches = [pool[start : start + num_episodes] for start in range(0, num_drawn, num_episodes)]
    rng.shuffle(batches)
    return batches


def draw_episode(
    mini: MiniTask,
    examples: list[Example],
    rng: Random,
    *,
    protocol: str,
    num_shots: int,
    num_told: int | None = None,
) -> Episode:
    """Draw demonstrations and a query; OK-VQA's teams are dealt names anew.

    `num_told` is the number of text-only demonstrations; `None` is the protocol's own.
    """
    rules = load_protocol(protocol)
    if num_told is None:
        num_told = rules.num_text_only(mini.task, num_shots=num_shots)
    *shown, query = rng.sample(examples, num_shots + num_told + 1)
    return build_episode(
        mini,
        rules,
        shown=shown,
        query=query,
        rng=rng,
        text_only=num_told > 0,
        renamed=deal_teams(rng) if mini.name == "okvqa" else None,
    )
