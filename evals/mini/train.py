"""Train the tiny checkpoint on the mini benchmarks' train splits.

    python -m evals.mini.train --out evals/mini/checkpoint

About half an hour on two cores. Equal steps and seed give equal prompts in equal order, and on one
machine with one thread count equal weights. A training that was stopped goes on from OUT.state.
"""

import argparse
import itertools
import math
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random

import torch
from tokenizers import Tokenizer
from transformers import IdeficsForVisionText2Text

from evals.files import cache_dir
from evals.mini.curriculum import MAX_SHOTS, PROTOCOLS, Splits, draw_batches, draw_episode
from evals.mini.examples import MINIS
from evals.mini.learner import Learner
from evals.mini.make import ensure_mini
from evals.mini.measure import measure
from evals.mini.network import build_batch, build_network, predict_answers, save_checkpoint
from evals.mini.pictures import PictureStore, read_pictures
from evals.mini.seeing import WordReader, choose_words, describe_pictures
from evals.mini.tokenizer import train_tokenizer
from evals.types import Example

SEEING_BATCH_SIZE = 128


@dataclass(frozen=True, slots=True)
class Recipe:
    steps: int
    seeing_steps: int = 2000
    """Before those: of the vision tower alone."""
    seed: int = 0
    saved_every: int = 250


@dataclass(frozen=True, slots=True)
class Progress:
    lesson: str
    step: int
    num_steps: int
    loss: float
    network: IdeficsForVisionText2Text


def train(root: Path, out: Path, *, recipe: Recipe) -> Iterator[Progress]:
    """Train on the benchmarks in `root`, yielding after every step.

    The checkpoint in `out` is replaced every `saved_every` steps and at the end.
    """
    torch.manual_seed(recipe.seed)
    splits = read_splits(root, "train")
    pictures = read_pictures(list_pictures(splits))
    network = build_network().train()
    learner = Learner(network, num_steps=recipe.steps, seed=recipe.seed)
    done = learner.resume(_state_path(out))
    if done is None:
        for step, loss in learn_to_see(network, splits, pictures=pictures, recipe=recipe):
            yield Progress("seeing", step, recipe.seeing_steps, loss, network)
        done = 0
        learner.save(_state_path(out), step=done)
    tokenizer = learn_vocabulary(splits)
    batches = draw_batches(splits, Random(recipe.seed), num_steps=recipe.steps)
    for step, episodes in enumerate(itertools.islice(batches, done, None), start=done + 1):
        batch = build_batch(episodes, tokenizer)
        pixels = pictures.read(batch.images, shifts=learner.shifts)
        logits = predict_answers(network, batch, pixels)
        loss = learner.learn(torch.nn.functional.cross_entropy(logits, batch.targets))
        if step % recipe.saved_every == 0 or step == recipe.steps:
            save_checkpoint(network, tokenizer, out)
            learner.save(_state_path(out), step=step)
        yield Progress("answering", step, recipe.steps, loss, network)
    _state_path(out).unlink(missing_ok=True)


def learn_to_see(
    network: IdeficsForVisionText2Text, splits: Splits, *, pictures: PictureStore, recipe: Recipe
) -> Iterator[tuple[int, float]]:
    """Train the vision tower alone, yielding (step, loss)."""
    words = describe_pictures(splits)
    width = network.config.vision_config.embed_dim
    reader = WordReader(network.model.vision_model, width=width, vocabulary=choose_words(words))
    learner = Learner(reader, num_steps=recipe.seeing_steps, seed=recipe.seed)
    rng = Random(recipe.seed)
    for step in range(1, recipe.seeing_steps + 1):
        paths = rng.sample(list(words), SEEING_BATCH_SIZE)
        pixels = pictures.read(paths, shifts=learner.shifts)
        yield step, learner.learn(reader.measure_loss(pixels, [words[path] for path in paths]))


def read_splits(root: Path, split: str) -> dict[str, list[Example]]:
    return {mini.name: mini.read(root / mini.name, split) for mini in MINIS}


def list_pictures(splits: Splits) -> list[Path]:
    images = (example.image for examples in splits.values() for example in examples)
    paths = (image.source for image in images if image is not None)
    return list(dict.fromkeys(path for path in paths if isinstance(path, Path)))


def learn_vocabulary(splits: Splits) -> Tokenizer:
    """Learn the tokenizer from prompts of every task under every protocol."""
    rng = Random("vocabulary")
    episodes = [
        draw_episode(mini, splits[mini.name], rng, protocol=name, num_shots=MAX_SHOTS)
        for mini in MINIS
        for name in PROTOCOLS
        for _ in range(50)
    ]
    return train_tokenizer(episode.text for episode in episodes)


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the tiny checkpoint.")
    parser.add_argument("--out", type=Path, required=True, help="the checkpoint's folder")
    parser.add_argument("--steps", type=int, default=2500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)

    root = ensure_mini(cache_dir())
    support, queries = read_splits(root, "train"), read_splits(root, "val")
    check = partial(
        measure,
        tokenizer=learn_vocabulary(support),
        support=support,
        queries=queries,
        pictures=read_pictures([*list_pictures(support), *list_pictures(queries)]),
    )
    recipe = Recipe(arguments.steps, seed=arguments.seed)
    start, mean_loss = time.monotonic(), math.nan
    for progress in train(root, arguments.out, recipe=recipe):
        step, is_last = progress.step, progress.step == progress.num_steps
        fresh = step == 1 or math.isnan(mean_loss)
        mean_loss = progress.loss if fresh else 0.95 * mean_loss + 0.05 * progress.loss
        if step % 50 == 0:
            minutes = (time.monotonic() - start) / 60
            place = f"{progress.lesson} {step}/{progress.num_steps}"
            _say(f"{minutes:5.1f} min  {place}  loss {mean_loss:.3f}")
        if progress.lesson == "answering" and (step % 500 == 0 or is_last):
            for num_shots in (0, 4, 8):
                num_queries = 200 if is_last else 64
                shares = check(progress.network, num_shots=num_shots, num_queries=num_queries)
                line = "  ".join(f"{name} {share:.2f}" for name, share in shares.items())
                _say(f"      {num_shots} shots: {line}")


def _state_path(out: Path) -> Path:
    return out.with_name(f"{out.name}.state")


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main()
