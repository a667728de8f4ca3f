"""Latents that were computed once: in memory up to a bound, and on disk where a folder is given.

An entry is known by its key (all that latents depend on besides the picture: `latents_key`) and
by its picture's sha256. On disk it is

    FOLDER/latents/KEY/aa/SHA256.safetensors

with the key, the picture and a checksum of the values in its metadata. Files are written beside
their place and renamed, so that several processes may share a folder; one that is torn, foreign or
not finite is computed again and replaced. Shapes: l latents, d width.
"""

import errno
import hashlib
import warnings
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from evals.errors import ConfigError
from evals.files import sha256_json
from evals.models.idefics.images import ImageProcessor
from evals.types import Image

LATENTS_VERSION = 1
"""Raised when equal weights and pixels would give other latents."""

NAME = "latents"
"""The tensor's name in its file."""


def latents_key(fingerprint: str, processor: ImageProcessor, *, dtype: torch.dtype) -> str:
    """Return a sha256 over all that latents depend on besides the picture.

    Args:
        fingerprint: the checkpoint's (`ModelInfo.fingerprint`).
        processor: size, mean and standard deviation of the pixels.
        dtype: what the vision tower computes in. The precision that float32 products are set to
            is read from torch: "medium" is off by 3e-3, which must not outlive its run.
    """
    return sha256_json(
        {
            "version": LATENTS_VERSION,
            "checkpoint": fingerprint,
            "size": processor.size,
            "mean": processor.mean,
            "std": processor.std,
            "dtype": str(dtype),
            "precision": torch.get_float32_matmul_precision(),
        }
    )


@dataclass(frozen=True, slots=True)
class LatentFormat:
    """What every entry of a cache has in common."""

    key: str
    shape: tuple[int, int]
    """(l, d) of one picture."""
    dtype: torch.dtype
    device: torch.device = torch.device("cpu")  # noqa: RUF009 (immutable)
    """Where entries are used, and kept in memory."""


class LatentCache:
    """Picture -> latents (l, d); the least recently used leave the memory first."""

    def __init__(self, layout: LatentFormat, *, max_bytes: int, folder: Path | None) -> None:
        """Check the folder, and read nothing yet.

        Args:
            layout: what the entries are.
            max_bytes: bound on the entries in memory, on their device.
            folder: `model.cache_dir`; `None` keeps nothing on disk.

        Raises:
            ConfigError: the folder cannot be made, read or written.
        """
        self._format = layout
        self._max_bytes = max_bytes
        self._memory: OrderedDict[str, Tensor] = OrderedDict()
        self._num_bytes = 0
        self._folder = None if folder is None else _make_folder(folder, layout.key)
        self._writes = folder is not None

    @property
    def num_bytes(self) -> int:
        """Bytes of the entries in memory."""
        return self._num_bytes

    def __contains__(self, image: Image) -> bool:
        """Whether there is an entry; one on disk may yet turn out to be unusable."""
        digest = image.sha256
        return digest in self._memory or (self._folder is not None and self._path(digest).is_file())

    def get(self, image: Image) -> Tensor | None:
        """Return a picture's latents (l, d), not to be changed; `None` where there are none."""
        digest = image.sha256
        held = self._memory.get(digest)
        if held is not None:
            self._memory.move_to_end(digest)
            return held
        if self._folder is None or (read := self._read(digest)) is None:
            return None
        latents = read.to(self._format.device)
        self._keep(digest, latents)
        return latents

    def put(self, image: Image, latents: Tensor) -> None:
        """Keep a picture's latents (l, d)."""
        if latents.untyped_storage().nbytes() > latents.nbytes:
            latents = latents.clone()  # a row of a batch would keep the whole batch in memory
        self._keep(image.sha256, latents)
        if self._writes:
            self._write(image.sha256, latents)

    def _keep(self, digest: str, latents: Tensor) -> None:
        self._drop(digest)
        if latents.nbytes > self._max_bytes:
            return
        while self._num_bytes + latents.nbytes > self._max_bytes:
            self._drop(next(iter(self._memory)))
        self._memory[digest] = latents
        self._num_bytes += latents.nbytes

    def _drop(self, digest: str) -> None:
        dropped = self._memory.pop(digest, None)
        self._num_bytes -= 0 if dropped is None else dropped.nbytes

    def _read(self, digest: str) -> Tensor | None:
        """Return what is on disk, if it is all that it should be."""
        path = self._path(digest)
        try:
            with safe_open(path, framework="pt") as file:
                metadata = file.metadata()
                # Memory of our own: what is mapped would change or vanish with the file.
                latents: Tensor = file.get_tensor(NAME).clone()
        except (OSError, SafetensorError):
            return None
        sound = (
            (latents.shape, latents.dtype) == (self._format.shape, self._format.dtype)
            and metadata == self._metadata(digest, latents)
            and _is_finite(latents)
        )
        return latents if sound else None

    def _write(self, digest: str, latents: Tensor) -> None:
        """Write an entry; the first failure (a full disk) ends writing, and nothing else."""
        latents = latents.cpu().contiguous()
        if not _is_finite(latents):
            return
        path = self._path(digest)
        temporary = path.with_name(f".{path.name}.{_draw_name()}")
        try:
            path.parent.mkdir(exist_ok=True)
            temporary.write_bytes(save({NAME: latents}, self._metadata(digest, latents)))
            temporary.replace(path)
        except OSError as error:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            self._writes = False
            warnings.warn(
                f"{path} cannot be written ({error.strerror}); no more latents are kept on disk "
                "(model.cache_dir)",
                RuntimeWarning,
                stacklevel=2,
            )

    def _metadata(self, digest: str, latents: Tensor) -> dict[str, str]:
        values = latents.view(torch.uint8).numpy().data
        return {
            "key": self._format.key,
            "picture": digest,
            "sha256": hashlib.sha256(values).hexdigest(),
        }

    def _path(self, digest: str) -> Path:
        assert self._folder is not None
        return self._folder / digest[:2] / f"{digest}.safetensors"


def _draw_name() -> str:
    """Return what no other writer has: machines that share a disk have processes of one number."""
    return uuid4().hex


def _is_finite(values: Tensor) -> bool:
    """Whether no value is NaN or infinite: the extremes tell, ten times as fast as `isfinite`."""
    return all(bool(extreme.isfinite()) for extreme in values.aminmax())


def _make_folder(folder: Path, key: str) -> Path:
    """Make the key's folder, and see that files can be written and read there.

    Raises:
        ConfigError: they cannot.
    """
    entries = folder.expanduser() / "latents" / key
    trial = entries / f".trial.{_draw_name()}"
    try:
        entries.mkdir(parents=True, exist_ok=True)
        trial.write_bytes(b"trial")
        if trial.read_bytes() != b"trial":
            raise OSError(errno.EIO, "what was written is not what is read")
        trial.unlink()
    except OSError as error:
        raise ConfigError(
            f"model.cache_dir={folder} cannot be used ({error.strerror}: {error.filename}); choose "
            "a folder that can be written, or none"
        ) from error
    return entries
