"""The first lesson: the vision tower learns which words people use about a picture.

As IDEFICS starts from a vision tower that CLIP has trained, so does the tiny one start from a
tower that has seen something. A linear head on the mean patch predicts the words of a picture's
captions, or of a question and its answer, each for itself (Joulin et al. 2016, "Learning visual
features from large weakly supervised data"). Then the head is thrown away.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch.nn import functional

from evals.mini.curriculum import Splits
from evals.mini.okvqa import TEAMS

MIN_COUNT = 20
"""Pictures that a word must occur with."""
_SAYS_NOTHING = {"yes", "no", *TEAMS.values()}
"""Answers that say nothing about what is to be seen: a team's name is a matter of its episode."""


def describe_pictures(splits: Splits) -> dict[Path, set[str]]:
    """Return the words said about each picture that something is said about."""
    words: defaultdict[Path, set[str]] = defaultdict(set)
    for name in ("coco", "vqav2", "okvqa", "textvqa"):
        for example in splits[name]:
            text = " ".join(example.references)
            if example.question:
                answer = Counter(example.shown_references).most_common(1)[0][0]
                if answer in _SAYS_NOTHING:
                    continue
                text = f"{example.question} {answer}"
            assert example.image is not None
            assert isinstance(example.image.source, Path)
            words[example.image.source].update(re.findall(r"[a-z]+|[0-9]", text.lower()))
    return dict(words)


class WordReader(torch.nn.Module):
    """The vision tower under a head for the words of `vocabulary`."""

    def __init__(self, vision: torch.nn.Module, *, width: int, vocabulary: Sequence[str]) -> None:
        super().__init__()
        self.vision = vision
        self.head = torch.nn.Linear(width, len(vocabulary))
        self.index = {word: number for number, word in enumerate(vocabulary)}

    def measure_loss(self, pixels: torch.Tensor, said: Sequence[set[str]]) -> torch.Tensor:
        """Return the mean over pictures of the nats of all words, said or unsaid."""
        features = self.vision(pixel_values=pixels).last_hidden_state  # (i, patches, d)
        mean = functional.layer_norm(features, features.shape[-1:]).mean(dim=1)
        logits = self.head(mean)
        wanted = torch.zeros_like(logits)
        for row, words in enumerate(said):
            wanted[row, [self.index[word] for word in words if word in self.index]] = 1
        loss = functional.binary_cross_entropy_with_logits(logits, wanted, reduction="sum")
        return loss / len(pixels)


def choose_words(words: Mapping[Path, set[str]]) -> list[str]:
    """Return the words that occur with pictures often enough to be learnt."""
    counts = Counter(word for said in words.values() for word in sorted(said))
    return [word for word in counts if counts[word] >= MIN_COUNT]
