"""Pictures to latents: each once, in order, whatever is cached, broken or asked for twice."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from evals.errors import DataError
from evals.models.idefics.decoding import START_AT
from evals.models.idefics.images import ImageProcessor
from evals.models.idefics.latents import LatentCache, LatentFormat
from evals.models.idefics.pictures import Pictures
from evals.types import Image
from tests.models.idefics.processes import needs_proc
from tests.models.idefics.test_pixels import SIZE, draw_jpeg

PROCESSOR = ImageProcessor(SIZE)
FORMAT = LatentFormat("key", (2, 3), torch.float32)
ENTRY_BYTES = 2 * 3 * 4


@dataclass
class Encoder:
    """Latents that tell pictures apart, and what was encoded with what."""

    batches: list[Tensor] = field(default_factory=list)

    def __call__(self, pixels: Tensor) -> Tensor:
        self.batches.append(pixels)
        return encode(pixels)

    @property
    def times(self) -> Counter[bytes]:
        """How often each picture was encoded."""
        return Counter(row.numpy().tobytes() for batch in self.batches for row in batch)


def encode(pixels: Tensor) -> Tensor:
    return torch.stack((pixels[:, :, 0, 0], pixels[:, :, 3, 5]), dim=1)


def open_pictures(
    encoder: Encoder,
    *,
    max_bytes: int = 10**6,
    folder: Path | None = None,
    batch_size: int = 4,
    num_workers: int = 0,
) -> Pictures:
    cache = LatentCache(FORMAT, max_bytes=max_bytes, folder=folder)
    return Pictures(PROCESSOR, encoder, cache=cache, batch_size=batch_size, num_workers=num_workers)


def check(pictures: Pictures, images: list[Image]) -> None:
    expected = [encode(PROCESSOR(image)[None])[0] for image in images]
    found = pictures.latents(images)
    assert len(found) == len(expected)
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(found, expected, strict=True))


@dataclass
class Cramped(Encoder):
    """There is memory for so many pictures together."""

    room: int = 2
    num_refused: int = 0

    def __call__(self, pixels: Tensor) -> Tensor:
        if len(pixels) > self.room:
            self.num_refused += 1
            raise torch.OutOfMemoryError("out of memory")
        return super().__call__(pixels)


def test_where_memory_runs_out_fewer_pictures_are_encoded_together_from_then_on() -> None:
    encoder = Cramped()
    pictures = open_pictures(encoder, batch_size=8)
    check(pictures, [Image(draw_jpeg(number)) for number in range(11)])
    assert (pictures.batch_size, encoder.num_refused) == (2, 2)
    check(pictures, [Image(draw_jpeg(number)) for number in range(11, 16)])
    assert encoder.num_refused == 2
    assert set(encoder.times.values()) == {1}


def test_memory_that_is_not_enough_for_one_picture_is_an_error() -> None:
    encoder = Cramped(room=0)
    with pytest.raises(torch.OutOfMemoryError):
        open_pictures(encoder).latents([Image(draw_jpeg(number)) for number in range(3)])
    assert encoder.num_refused == 2


ASKED = st.lists(st.lists(st.integers(0, 9), max_size=12), max_size=5)


@settings(max_examples=40, deadline=None)
@given(calls=ASKED, batch_size=st.integers(1, 5), entries=st.integers(0, 6))
def test_latents_are_those_of_processing_and_encoding_one_by_one(
    calls: list[list[int]], batch_size: int, entries: int
) -> None:
    encoder = Encoder()
    pictures = open_pictures(encoder, max_bytes=entries * ENTRY_BYTES, batch_size=batch_size)
    for numbers in calls:
        before = sum(encoder.times.values())
        check(pictures, [Image(draw_jpeg(number)) for number in numbers])
        assert sum(encoder.times.values()) - before <= len(set(numbers))
    assert all(len(batch) <= batch_size for batch in encoder.batches)


@settings(max_examples=40, deadline=None)
@given(calls=ASKED)
def test_each_picture_is_encoded_once_where_there_is_room(calls: list[list[int]]) -> None:
    encoder = Encoder()
    pictures = open_pictures(encoder)
    for numbers in calls:
        pictures.prefetch([Image(draw_jpeg(number)) for number in numbers])
        check(pictures, [Image(draw_jpeg(number)) for number in numbers])
    assert set(encoder.times.values()) <= {1}
    assert len(encoder.times) == len({number for numbers in calls for number in numbers})


def test_processes_decode_what_is_prefetched_and_what_is_not() -> None:
    encoder = Encoder()
    pictures = open_pictures(encoder, num_workers=1)
    images = [Image(draw_jpeg(number)) for number in range(3 * START_AT)]
    pictures.prefetch(images[: 2 * START_AT])
    check(pictures, images)
    check(pictures, images[::-1])
    assert set(encoder.times.values()) == {1}
    pictures.close()
    check(pictures, [Image(draw_jpeg(1000))])


def test_equal_pictures_under_different_names_are_encoded_once(tmp_path: Path) -> None:
    content = draw_jpeg(1)
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / name).write_bytes(content)
    images = [Image(tmp_path / "a.jpg"), Image(tmp_path / "b.jpg"), Image(lambda: content)]
    encoder = Encoder()
    check(open_pictures(encoder), images)
    assert list(encoder.times.values()) == [1]


def test_a_second_run_encodes_nothing(tmp_path: Path) -> None:
    images = [Image(draw_jpeg(number)) for number in range(10)]
    first, second = Encoder(), Encoder()
    check(open_pictures(first, folder=tmp_path), images)
    assert len(first.times) == 10
    for max_bytes in (0, 10**6):
        pictures = open_pictures(second, folder=tmp_path, max_bytes=max_bytes)
        pictures.prefetch(images)
        check(pictures, images)
        check(pictures, images)
    assert not second.batches


def test_a_torn_file_is_encoded_again_and_replaced(tmp_path: Path) -> None:
    images = [Image(draw_jpeg(number)) for number in range(3)]
    check(open_pictures(Encoder(), folder=tmp_path), images)
    files = sorted(tmp_path.rglob("*.safetensors"))
    files[1].write_bytes(files[1].read_bytes()[:-5])
    encoder = Encoder()
    pictures = open_pictures(encoder, folder=tmp_path)
    pictures.prefetch(images)
    check(pictures, images)
    assert sum(encoder.times.values()) == 1
    check(open_pictures(encoder, folder=tmp_path), images)
    assert sum(encoder.times.values()) == 1


@needs_proc
def test_what_is_cached_is_not_decoded(
    tmp_path: Path, find_processes: Callable[[], set[int]]
) -> None:
    images = [Image(draw_jpeg(number)) for number in range(2 * START_AT)]
    check(open_pictures(Encoder(), folder=tmp_path), images)
    pictures = open_pictures(Encoder(), folder=tmp_path, num_workers=1)
    pictures.prefetch(images)
    assert not find_processes()
    check(pictures, images)
    assert not find_processes()


def test_what_another_run_has_encoded_meanwhile_gives_up_its_place(tmp_path: Path) -> None:
    images = [Image(draw_jpeg(number)) for number in range(START_AT)]
    encoder = Encoder()
    pictures = open_pictures(encoder, folder=tmp_path, num_workers=1)
    pictures.prefetch(images)
    assert pictures.num_ahead == START_AT
    check(open_pictures(Encoder(), folder=tmp_path), images)
    check(pictures, images)
    assert not encoder.batches
    assert pictures.num_ahead == 0
    pictures.close()


@pytest.mark.parametrize("num_workers", [0, 1])
def test_a_broken_picture_is_named_when_asked_for_and_loses_no_other(
    num_workers: int, tmp_path: Path
) -> None:
    sound = [Image(draw_jpeg(number)) for number in range(START_AT)]
    broken = Image(draw_jpeg(99)[:300], name="row 99")
    images = [*sound[:10], broken, *sound[10:]]
    encoder = Encoder()
    pictures = open_pictures(encoder, num_workers=num_workers)
    pictures.prefetch([*images, Image(tmp_path / "gone.jpg")])
    with pytest.raises(DataError, match="row 99 cannot be decoded as a picture"):
        pictures.latents(images)
    assert sum(encoder.times.values()) == 11  # its batch of four is finished without it
    check(pictures, sound)
    assert set(encoder.times.values()) == {1}
    with pytest.raises(DataError, match=r"gone\.jpg cannot be read"):
        pictures.latents([Image(tmp_path / "gone.jpg")])
    pictures.close()


def test_a_batch_that_cannot_be_encoded_loses_no_other() -> None:
    """Out of memory, say: what was encoded before stays, and a smaller batch goes on."""

    class TooMuch(Exception):
        pass

    encoder = Encoder()

    def encode_few(pixels: Tensor) -> Tensor:
        if len(encoder.batches) == 2 and len(pixels) > 2:
            raise TooMuch
        return encoder(pixels)

    cache = LatentCache(FORMAT, max_bytes=10**6, folder=None)
    pictures = Pictures(PROCESSOR, encode_few, cache=cache, batch_size=4, num_workers=0)
    images = [Image(draw_jpeg(number)) for number in range(16)]
    with pytest.raises(TooMuch):
        pictures.latents(images)
    pictures.batch_size = 2
    check(pictures, images)
    assert set(encoder.times.values()) == {1}


def test_pixels_are_the_image_processors() -> None:
    images = [Image(draw_jpeg(number)) for number in range(5)]
    pictures = open_pictures(Encoder())
    assert torch.equal(pictures.pixels(images), torch.stack([PROCESSOR(i) for i in images]))


def test_latents_do_not_share_memory_with_their_batch() -> None:
    pictures = open_pictures(Encoder())
    for latents in pictures.latents([Image(draw_jpeg(number)) for number in range(4)]):
        assert latents.untyped_storage().nbytes() == ENTRY_BYTES
