from itertools import pairwise
from random import Random

import torch

from evals.mini.lookups import NUM_LOOKUPS, WORDS, draw_lookups
from evals.mini.network import build_batch, build_network, predict_answers
from evals.mini.tokenizer import train_tokenizer


def test_what_is_asked_stood_there_before_and_nothing_else_is_asked() -> None:
    for seed in range(50):
        episode = draw_lookups(Random(seed))
        words = episode.text.removeprefix("<s>").split()
        followers: dict[str, set[str]] = {}
        for one, other in pairwise(words):
            followers.setdefault(one, set()).add(other)
        asked = [episode.text[start:end].strip() for start, end in episode.answers]
        keys = [
            episode.text[:start].split()[-1].removeprefix("<s>") for start, _ in episode.answers
        ]
        known: set[str] = set()
        for key, value, (start, _) in zip(keys, asked, episode.answers, strict=True):
            assert followers[key] == {value}  # a key is always followed by its own value
            assert f" {key} {value}" in episode.text[:start].replace("<s>", "")
            known.add(key)
        assert NUM_LOOKUPS - 8 <= len(asked) < NUM_LOOKUPS
        assert 2 <= len(known) <= 8


def test_words_are_told_apart() -> None:
    assert len(WORDS) == len(set(WORDS))


def test_a_batch_without_pictures_is_read_and_leaves_the_vision_tower_alone() -> None:
    episodes = [draw_lookups(Random(seed)) for seed in range(3)]
    tokenizer = train_tokenizer(episode.text for episode in episodes)
    network = build_network()
    batch = build_batch(episodes, tokenizer)
    logits = predict_answers(network, batch, torch.empty(0, 3, 64, 64))
    assert logits.shape[0] == len(batch.targets)
    logits.sum().backward()
    assert network.model.vision_model.embeddings.patch_embedding.weight.grad is None
    assert network.model.layers[0].self_attn.q_proj.weight.grad is not None
