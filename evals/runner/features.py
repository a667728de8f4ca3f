"""Vision features for RICES: computed once per (picture bytes, checkpoint, type), kept on disk."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol, runtime_checkable
from uuid import uuid4

import numpy as np

from evals.demonstrations.rices import Feature
from evals.errors import ConfigError, ModelError, PictureError
from evals.files import cache_dir
from evals.models.contract import find_feature_problem, pair_features
from evals.models.out_of_memory import explain_each
from evals.runner.session import Session
from evals.runner.unreadable import list_among
from evals.types import Image


@runtime_checkable
class FeatureModel(Protocol):
    """A model that can also say what a picture looks like."""

    def image_features(self, images: Iterable[Image]) -> Iterator[Feature]:
        """Yield each picture's feature, (d,) of length one, in order."""
        ...


def compute_features(pictures: Iterable[Image], session: Session) -> dict[str, Feature]:
    """Return picture sha256 -> feature, loading the model only where some are not cached.

    Raises:
        ConfigError: the model has no vision features to compare.
        PictureError: pictures cannot be read; all are listed.
    """
    pictures = list(pictures)
    try:
        return _compute(pictures, session)
    except PictureError as error:
        raise list_among(pictures, session, error) from error


def _compute(pictures: Iterable[Image], session: Session) -> dict[str, Feature]:
    distinct = {picture.sha256: picture for picture in pictures}
    info = session.model_info
    # Rounding decides between pictures that are nearly as similar. No layer's quantising does.
    folder = cache_dir() / "features" / info.fingerprint / info.dtype.partition(",")[0]
    features = {digest: held for digest in distinct if (held := _read(folder, digest)) is not None}
    missing = [digest for digest in distinct if digest not in features]
    if missing:
        model = session.model
        if not isinstance(model, FeatureModel):
            raise ConfigError(
                f"demonstrations.sampler=rices needs a model with vision features, and "
                f"{session.model_info.name} has none; use model=idefics, or a plan made with it "
                "(demonstrations.plan=FILE)"
            )
        computed = explain_each(
            model.image_features(distinct[digest] for digest in missing),
            session.settings.model,
            "while the model looked at pictures",
        )
        pairs = pair_features(missing, computed, info)
        for digest, feature in session.progress.track(pairs, "features", total=len(missing)):
            if problem := find_feature_problem(feature):
                raise ModelError(
                    f"model {info.name} ({info.checkpoint}): its feature of {distinct[digest]} "
                    f"{problem} (docs/adding-a-model.md)"
                )
            _write(folder, digest, feature)
            features[digest] = feature
    return features


def _read(folder: Path, digest: str) -> Feature | None:
    """Read a cached feature; a torn or foreign file is computed again, never trusted."""
    try:
        feature = np.load(_name(folder, digest), allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    sound = feature.dtype == np.float32 and feature.ndim == 1 and np.isfinite(feature).all()
    return feature if sound else None


def _write(folder: Path, digest: str, feature: Feature) -> None:
    path = _name(folder, digest)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid4().hex}.npy")  # machines may share the disk
    np.save(temporary, feature.astype(np.float32), allow_pickle=False)
    temporary.replace(path)


def _name(folder: Path, digest: str) -> Path:
    return folder / digest[:2] / f"{digest}.npy"
