"""Pictures to pixels, against transformers' PIL image processor."""

import json
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image as PilImages
from transformers.models.idefics.image_processing_pil_idefics import IdeficsImageProcessorPil

from evals.errors import CheckpointError, DataError
from evals.models.idefics.config import read_config
from evals.models.idefics.images import ImageProcessor, read_image_processor
from evals.types import Image
from tests.models.conftest import Pair


def draw(mode: str) -> PilImages.Image:
    random = np.random.default_rng(1)
    picture = PilImages.fromarray(random.integers(0, 256, (37, 53, 4), dtype=np.uint8), "RGBA")
    if mode == "P with transparency":
        picture = picture.convert("RGB").convert("P")
        picture.info["transparency"] = 3
        return picture
    return picture.convert(mode)


@pytest.mark.filterwarnings("ignore:'mode' parameter is deprecated:DeprecationWarning")
@pytest.mark.parametrize(
    "mode", ["RGB", "RGBA", "LA", "P", "P with transparency", "L", "1", "CMYK", "YCbCr"]
)
@pytest.mark.parametrize("size", [28, 224])
def test_pixels_equal_transformers(mode: str, size: int) -> None:
    picture = draw(mode)
    theirs = IdeficsImageProcessorPil(image_size=size)([picture], return_tensors="pt")[0]
    ours = ImageProcessor(size)(Image(picture))
    assert ours.shape == (3, size, size)
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=0)


def test_normalising_is_numpys_arithmetic_bit_for_bit() -> None:
    processor = ImageProcessor(16, (0.48145466, 0.4578275, 0.40821073), (0.1, 0.3, 0.7))
    values = np.arange(256, dtype=np.uint8).reshape(16, 16)
    mean, std = np.array(processor.mean, np.float32), np.array(processor.std, np.float32)
    pixels = np.stack([values] * 3, axis=-1).astype(np.float32) / 255
    expected = ((pixels - mean) / std).transpose(2, 0, 1)
    eight_bits = torch.from_numpy(np.stack([values] * 3))
    assert np.array_equal(processor.normalise(eight_bits).numpy(), expected)
    batch = processor.normalise(torch.stack([eight_bits] * 2))
    assert np.array_equal(batch.numpy(), np.stack([expected] * 2))


def test_a_file_its_bytes_and_a_url_free_callable_give_the_same_pixels(tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    draw("RGB").save(path)
    content = path.read_bytes()
    pixels = [ImageProcessor(28)(Image(source)) for source in (path, content, lambda: content)]
    assert all(torch.equal(pixels[0], other) for other in pixels)


@pytest.mark.parametrize("content", [b"", b"no picture", "truncated"])
def test_a_broken_picture_is_named(content: bytes | str) -> None:
    if isinstance(content, str):
        file = BytesIO()
        draw("RGB").save(file, "JPEG")
        content = file.getvalue()[:400]
    with pytest.raises(DataError, match="row 7 cannot be decoded"):
        ImageProcessor(28)(Image(content, name="row 7"))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone\.png"):
        ImageProcessor(28)(Image(tmp_path / "gone.png"))


def test_the_checkpoints_own_mean_and_std_are_used(base: Pair, tmp_path: Path) -> None:
    config = read_config(base.folder)
    values = {"image_size": 28, "image_mean": [0.5] * 3, "image_std": [0.25] * 3}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(values))
    white = Image(PilImages.new("RGB", (5, 5), "white"))
    pixels = read_image_processor(tmp_path, config)(white)
    assert torch.equal(pixels, torch.full((3, 28, 28), 2.0))
    (tmp_path / "preprocessor_config.json").unlink()
    assert read_image_processor(tmp_path, config) == ImageProcessor(28)


@pytest.mark.parametrize("values", [{"image_size": 224}, {"size": {"height": 224}}])
def test_a_size_that_the_vision_tower_does_not_take_is_refused(
    base: Pair, tmp_path: Path, values: dict[str, object]
) -> None:
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(values))
    with pytest.raises(CheckpointError, match="resizes pictures to 224"):
        read_image_processor(tmp_path, read_config(base.folder))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"image_mean": "abc"}, "image_mean is 'abc', not 3 numbers"),
        ({"image_mean": [0.5, 0.5]}, "not 3 numbers"),
        ({"image_std": [0.5, 0, 0.5]}, "not 3 numbers above 0"),
        ({"image_std": [0.5, float("nan"), 0.5]}, "not 3 numbers above 0"),
        ({"image_size": "28"}, "resizes pictures to '28'"),
        ({"size": 224}, "resizes pictures to 224"),
        ({"size": [28]}, r"resizes pictures to \[28\]"),
    ],
)
def test_what_pixels_cannot_be_normalised_with_is_named(
    base: Pair, tmp_path: Path, values: dict[str, object], message: str
) -> None:
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(values))
    with pytest.raises(CheckpointError, match=message):
        read_image_processor(tmp_path, read_config(base.folder))


def test_a_size_may_be_a_number_or_an_object(base: Pair, tmp_path: Path) -> None:
    for size in ({"size": 28}, {"size": {"height": 28, "width": 28}}, {"image_size": 28}):
        (tmp_path / "preprocessor_config.json").write_text(json.dumps(size))
        assert read_image_processor(tmp_path, read_config(base.folder)).size == 28
