"""From pictures to latents, each picture once: cached, else decoded ahead and encoded in batches.

While the vision tower encodes one batch, the next ones are being decoded (`decoding.py`).
Shapes: i images, l latents, d width.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from evals.errors import DataError, EvalError
from evals.models.idefics.decoding import Decoder
from evals.models.idefics.images import ImageProcessor
from evals.models.idefics.latents import LatentCache
from evals.models.idefics.retrying import watch_memory
from evals.types import Image

_Item = TypeVar("_Item")
_Made = TypeVar("_Made")


class Pictures:
    """A model's eyes: pictures in, latents out. To be used from one thread."""

    def __init__(
        self,
        processor: ImageProcessor,
        encode: Callable[[Tensor], Tensor],
        *,
        cache: LatentCache,
        batch_size: int,
        num_workers: int | None = None,
        device: torch.device | None = None,
    ) -> None:
        """Start nothing yet.

        Args:
            processor: how pictures become pixels.
            encode: turns normalised pixels (i, 3, size, size), float32, into latents (i, l, d).
            cache: what is already known, and where what is new is kept.
            batch_size: the most pictures given to `encode` together.
            num_workers: decoding processes; `None` is half of the cores, 0 is none.
            device: where `encode` wants its pixels; the CPU by default.
        """
        self._processor = processor
        self._encode = encode
        self._cache = cache
        self.batch_size = batch_size  # lowered where memory runs out
        self._device = device or torch.device("cpu")
        self._decoder = Decoder(processor.size, num_workers=num_workers)

    @property
    def num_ahead(self) -> int:
        """Pictures being decoded or decoded and not yet asked for."""
        return self._decoder.num_ahead

    def prefetch(self, images: Iterable[Image]) -> None:
        """Begin decoding what is neither cached nor begun. Returns at once, and raises nothing."""
        missing = []
        for image in images:
            with suppress(EvalError):  # raised when it is asked for
                if image not in self._cache:
                    missing.append(image)
        self._decoder.prefetch(missing)

    @torch.inference_mode()
    def latents(self, images: Sequence[Image]) -> list[Tensor]:
        """Return each picture's latents (l, d), in order; equal pictures share one tensor.

        Raises:
            DataError: a picture cannot be read or decoded. What was encoded until then is cached.
        """
        found: dict[str, Tensor] = {}
        missing: list[Image] = []
        for digest, image in {image.sha256: image for image in images}.items():
            if (latents := self._cache.get(image)) is None:
                missing.append(image)
            else:
                found[digest] = latents
                self._decoder.forget(image)
        self._decoder.prefetch(missing)
        encoded: list[tuple[Image, Tensor]] = []
        try:
            size = self.batch_size
            for first in range(0, len(missing), size):
                readable, broken = self._decode(missing[first : first + size])
                previous, encoded = encoded, self._encode_batch(readable)
                self._store(previous)  # a GPU is busy with the next ones meanwhile
                found.update((image.sha256, latents) for image, latents in encoded)
                if broken is not None:
                    raise broken
        finally:
            self._store(encoded)
        return [found[image.sha256] for image in images]

    def in_batches(
        self, items: Iterable[_Item], work: Callable[[Sequence[_Item]], _Made]
    ) -> Iterator[_Made]:
        """Yield what `work` makes of `batch_size` items at a time.

        Where memory runs out, half as many go together from then on.

        Raises:
            torch.OutOfMemoryError: not even one at a time fits.
        """
        left = list(items)
        while left:
            batch = left[: self.batch_size]
            with watch_memory(may_retry=len(batch) > 1) as watch:
                made = work(batch)
            if watch.out_of_memory:
                self.batch_size = len(batch) // 2
                continue
            left = left[len(batch) :]
            yield made

    def pixels(self, images: Sequence[Image]) -> Tensor:
        """Return normalised pixels (i, 3, size, size) as `encode` takes them; none is kept.

        Raises:
            DataError: a picture cannot be read or decoded.
        """
        return self._normalise([self._decoder.read(image) for image in images])

    def close(self) -> None:
        """End the decoding processes; what comes after is decoded in this one."""
        self._decoder.close()

    def _decode(self, images: Sequence[Image]) -> tuple[dict[Image, bytes], DataError | None]:
        """Return the pixels of the pictures that are sound, and the first error."""
        readable: dict[Image, bytes] = {}
        broken: DataError | None = None
        # From the last to the first, to meet the processes in the middle and not wait for each.
        for image in reversed(images):
            try:
                readable[image] = self._decoder.read(image)
            except DataError as error:
                broken = error
        return dict(reversed(readable.items())), broken

    def _encode_batch(self, decoded: dict[Image, bytes]) -> list[tuple[Image, Tensor]]:
        def encode(pixels: Sequence[bytes]) -> list[Tensor]:
            # Copied, since a row that is kept keeps its whole batch in memory.
            return [row.clone() for row in self._encode(self._normalise(pixels))]

        rows = [row for part in self.in_batches(decoded.values(), encode) for row in part]
        return list(zip(decoded, rows, strict=True))

    def _normalise(self, decoded: Sequence[bytes]) -> Tensor:
        """Send 8-bit pixels to the device, and normalise them there."""
        size = self._processor.size
        pinned = self._device.type == "cuda"  # else a copy to it waits
        batch = torch.empty((len(decoded), 3, size, size), dtype=torch.uint8, pin_memory=pinned)
        for row, pixels in zip(batch.numpy(), decoded, strict=True):
            row[...] = np.frombuffer(pixels, dtype=np.uint8).reshape(row.shape)
        return self._processor.normalise(batch.to(self._device, non_blocking=pinned))

    def _store(self, encoded: Iterable[tuple[Image, Tensor]]) -> None:
        for image, latents in encoded:
            self._cache.put(image, latents)
