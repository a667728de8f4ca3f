"""How much a network has learnt, quickly: teacher-forced answers on the val splits.

For watching a training; a checkpoint's scores come from `evals run model=tiny`.
"""

from collections.abc import Mapping
from random import Random

import torch
from tokenizers import Tokenizer
from transformers import IdeficsForVisionText2Text

from evals.mini.episodes import Episode, build_episode
from evals.mini.examples import MINIS, MiniTask
from evals.mini.network import build_batch, predict_answers
from evals.mini.pictures import PictureStore
from evals.protocols import load_protocol
from evals.types import Example

BATCH_SIZE = 16


@torch.no_grad()
def measure(
    network: IdeficsForVisionText2Text,
    tokenizer: Tokenizer,
    *,
    support: Mapping[str, list[Example]],
    queries: Mapping[str, list[Example]],
    pictures: PictureStore,
    num_shots: int,
    num_queries: int,
) -> dict[str, float]:
    """Return per task the share of queries whose whole answer is the likeliest, token by token.

    Of captions, which have five right answers: the share of their tokens.
    """
    network.eval()
    shares = {}
    for mini in MINIS:
        asked = queries[mini.name][:num_queries]
        episodes = [_draw(mini, support[mini.name], query, num_shots) for query in asked]
        right = [
            score
            for start in range(0, len(episodes), BATCH_SIZE)
            for score in _score(
                network,
                tokenizer,
                episodes[start : start + BATCH_SIZE],
                pictures=pictures,
                by_token=mini.kind == "caption",
            )
        ]
        shares[mini.name] = sum(right) / len(right)
    network.train()
    return shares


def _draw(mini: MiniTask, support: list[Example], query: Example, num_shots: int) -> Episode:
    rng = Random(f"measure {mini.name} {query.id}")
    rules = load_protocol("idefics")
    num_text_only = rules.num_text_only(mini.task, num_shots=num_shots)
    return build_episode(
        mini,
        rules,
        shown=rng.sample(support, num_shots + num_text_only),
        query=query,
        rng=rng,
        text_only=num_text_only > 0,
    )


def _score(
    network: IdeficsForVisionText2Text,
    tokenizer: Tokenizer,
    episodes: list[Episode],
    *,
    pictures: PictureStore,
    by_token: bool,
) -> list[float]:
    batch = build_batch(episodes, tokenizer)
    logits = predict_answers(network, batch, pictures.read(batch.images))
    right = logits.argmax(dim=-1) == batch.targets
    scores = []
    for row in range(len(episodes)):
        answer = right[(batch.rows == row) & batch.last_answers].float()
        scores.append(float(answer.mean() if by_token else answer.min()))
    return scores
