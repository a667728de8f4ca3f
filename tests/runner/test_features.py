"""Features of pictures: what a model gives is looked at before it is kept."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from evals.errors import ModelError, OutOfMemoryError
from evals.models.mock import MOCK_INFO, MockModel
from evals.runner import Session
from evals.runner.features import compute_features
from evals.types import Image, ModelInfo
from tests.runner.calls import Silent, open_session

Look = Callable[[Iterable[Image]], Iterator[Any]]


@dataclass(frozen=True)
class Seeing(MockModel):
    look: Look = lambda images: iter(())

    def image_features(self, images: Iterable[Image]) -> Iterator[Any]:
        return self.look(images)


@dataclass(frozen=True)
class SeeingSpec:
    look: Look
    max_tokens: int = 2048

    def describe(self) -> ModelInfo:
        return MOCK_INFO

    def load(self) -> Seeing:
        return Seeing(look=self.look)


PICTURES = [Image(f"picture {number}".encode(), name=f"{number}.png") for number in range(4)]
VECTOR = np.array([0.6, 0.8], np.float32)


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVALS_CACHE_DIR", str(tmp_path / "cache"))


def open_seeing(look: Look) -> Session:
    settings = open_session("task=vqav2", "model=mock").settings
    return Session(replace(settings, model=SeeingSpec(look)), Silent())


def test_a_feature_for_each_picture_is_kept_for_the_next_session() -> None:
    found = compute_features(PICTURES, open_seeing(lambda images: (VECTOR for _ in images)))
    assert len(found) == len(PICTURES)
    kept = compute_features(PICTURES, open_seeing(lambda images: iter(())))
    assert {digest: feature.tolist() for digest, feature in kept.items()} == {
        picture.sha256: VECTOR.tolist() for picture in PICTURES
    }


@pytest.mark.parametrize(
    ("look", "message"),
    [
        (lambda images: [VECTOR], "gave 1 features for 4 pictures"),
        (lambda images: [VECTOR] * 5, "gave more features for 4 pictures"),
        (lambda images: (VECTOR * np.nan for _ in images), "its feature of 0.png is not finite"),
        (lambda images: (VECTOR * 5 for _ in images), "is of length 5, and must be of length one"),
    ],
)
def test_features_that_are_none_are_told(look: Look, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        compute_features(PICTURES, open_seeing(look))


def test_memory_that_runs_out_keeps_what_was_found_and_says_what_to_do() -> None:
    def look(images: Iterable[Image]) -> Iterator[Any]:
        yield VECTOR
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    with pytest.raises(OutOfMemoryError, match="while the model looked at pictures"):
        compute_features(PICTURES, open_seeing(look))
    rest = compute_features(PICTURES, open_seeing(lambda images: [VECTOR] * 3))
    assert len(rest) == 4
