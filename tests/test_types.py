"""The values that travel: a picture's identity, what an import costs."""

import subprocess
import sys
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image as PilImages

from evals.errors import ConfigError, DataError, PromptError
from evals.types import DEFAULT_SCALE, Example, Image, Scale, Score, Unit


def png(color: str) -> bytes:
    buffer = BytesIO()
    PilImages.new("RGB", (2, 2), color).save(buffer, "PNG")
    return buffer.getvalue()


def test_a_picture_is_its_bytes_wherever_they_lie(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(png("red"))
    same = [Image(path), Image(path, "named"), Image(png("red")), Image(lambda: png("red"))]
    assert len(set(same)) == 1
    assert all(image == same[0] and image.sha256 == same[0].sha256 for image in same)
    assert Image(png("blue")) not in set(same)
    assert Image(path) != path


def test_a_pil_image_is_its_mode_size_pixels_and_palette() -> None:
    red = PilImages.new("RGB", (2, 2), "red")
    assert Image(red) == Image(PilImages.new("RGB", (2, 2), (255, 0, 0)))
    assert Image(red) != Image(PilImages.new("RGB", (2, 2), "blue"))
    assert Image(red) != Image(PilImages.new("RGB", (4, 1), "red"))
    assert Image(PilImages.new("L", (2, 2))) != Image(PilImages.new("P", (2, 2)))


def test_gif_frames_with_equal_indices_and_other_colours_are_other_pictures() -> None:
    """They were once one picture, and a model's picture cache would have shown the first twice."""
    frames = [PilImages.new("P", (2, 2), 1) for _ in range(3)]
    for frame, colour in zip(frames, ((255, 0, 0), (0, 0, 255), (255, 0, 0)), strict=True):
        frame.putpalette([0, 0, 0, *colour])
    red, blue, same = (Image(frame) for frame in frames)
    assert red != blue
    assert red == same


def test_a_picture_is_read_once_for_its_identity() -> None:
    reads = []

    def read() -> bytes:
        reads.append(1)
        return b"bytes"

    image = Image(read)
    assert (image.sha256, hash(image)) == (image.sha256, hash(Image(b"bytes")))
    assert len(reads) == 1


def test_a_picture_that_cannot_be_read_is_an_error_with_its_path(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"picture .*nowhere.png cannot be read: No such file"):
        _ = Image(tmp_path / "nowhere.png").sha256
    with pytest.raises(DataError, match="cannot be read: Is a directory"):
        Image(tmp_path).read_bytes()


def test_a_url_is_not_fetched() -> None:
    image = Image("https://example.org/a.png")
    assert image.is_url
    assert not Image(Path("a.png")).is_url
    with pytest.raises(PromptError, match=r"https://example.org/a.png is a URL.*allow_urls=True"):
        image.read_bytes()


def test_an_error_calls_a_picture_by_its_name_or_its_source() -> None:
    assert str(Image(Path("a/b.png"))) == "a/b.png"
    assert str(Image(b"", "row 7")) == "row 7"
    assert str(Image(b"")) == "a picture given as bytes"


def test_answers_are_shown_as_typed_where_both_forms_are_kept() -> None:
    assert Example("1", None, references=("ride",)).shown_references == ("ride",)
    both = Example("1", None, references=("ride",), raw_references=("riding",))
    assert both.shown_references == ("riding",)


HEAVY = ("torch", "transformers", "datasets", "evaluate", "sklearn", "pandas", "scipy")


@pytest.mark.parametrize(
    "module",
    ["evals.types", "evals.prompts", "evals.protocols", "evals.demonstrations", "evals.store"],
)
def test_a_module_of_the_lower_floors_imports_nothing_heavy(module: str) -> None:
    script = f"import sys, {module}; print(*[m for m in {HEAVY!r} if m in sys.modules])"
    answer = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert answer.stdout.split() == []


def test_a_score_is_in_points_and_higher_is_better_unless_it_says_otherwise() -> None:
    assert Score("accuracy", 0.5, 10).scale == DEFAULT_SCALE
    rank = Score("mean_rank", 3.25, 10, higher_is_better=False, unit=Unit.PLAIN)
    assert rank.scale == Scale(Unit.PLAIN, higher_is_better=False)


def test_a_unit_that_is_none_is_refused_with_those_that_are() -> None:
    with pytest.raises(ConfigError, match="score wer: unit='percent': one of points, plain"):
        Score("wer", 0.5, 10, unit="percent")  # type: ignore[arg-type]


def test_points_are_printed_times_a_hundred_and_plain_numbers_as_they_are() -> None:
    rank = Scale(Unit.PLAIN, higher_is_better=False)
    assert (DEFAULT_SCALE.print(0.4533), rank.print(3.25)) == ("45.33", "3.250")
    assert (DEFAULT_SCALE.print(-0.01, signed=True), rank.print(2, more_digits=0)) == (
        "-1.00",
        "2.00",
    )
    assert (DEFAULT_SCALE.improve(0.1), rank.improve(0.1)) == (0.1, -0.1)
    assert (DEFAULT_SCALE.arrow, rank.arrow) == ("", " ↓")
