"""8-bit pixels, and the program that decodes pictures for another process."""

import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from PIL import Image as PilImages

from evals.errors import DataError
from evals.models.idefics import pixels
from evals.models.idefics.pixels import read_pixels
from evals.types import Image

SIZE = 28


def draw_jpeg(seed: int) -> bytes:
    values = np.random.default_rng(seed).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    file = BytesIO()
    PilImages.fromarray(values).save(file, "JPEG")
    return file.getvalue()


def test_pixels_are_those_of_pil_one_colour_after_the_other() -> None:
    content = draw_jpeg(0)
    resized = PilImages.open(BytesIO(content)).resize((SIZE, SIZE), PilImages.Resampling.BICUBIC)
    expected = np.asarray(resized).transpose(2, 0, 1).tobytes()
    assert read_pixels(Image(content), size=SIZE) == expected


def start(*arguments: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )


@pytest.fixture
def program() -> Iterator["subprocess.Popen[bytes]"]:
    with start("-m", pixels.__name__, str(SIZE)) as process:
        yield process
        process.kill()


def ask(program: "subprocess.Popen[bytes]", source: Path | bytes) -> bytes | None:
    assert program.stdin is not None
    assert program.stdout is not None
    pickle.dump(source, program.stdin)
    program.stdin.flush()
    return cast("bytes | None", pickle.load(program.stdout))


def test_the_program_decodes_files_and_bytes_and_survives_broken_ones(
    program: "subprocess.Popen[bytes]", tmp_path: Path
) -> None:
    content = draw_jpeg(1)
    (tmp_path / "x.jpg").write_bytes(content)
    expected = read_pixels(Image(content), size=SIZE)
    assert ask(program, content) == expected
    assert ask(program, b"no picture") is None
    assert ask(program, content[:300]) is None
    assert ask(program, tmp_path / "gone.jpg") is None
    assert ask(program, tmp_path / "x.jpg") == expected


def test_the_program_ends_quietly_with_its_input(program: "subprocess.Popen[bytes]") -> None:
    assert ask(program, b"no picture") is None
    output, errors = program.communicate(timeout=60)
    assert (program.returncode, output, errors) == (0, b"", b"")


def test_the_program_ends_quietly_when_nobody_reads(program: "subprocess.Popen[bytes]") -> None:
    assert program.stdin is not None
    assert program.stdout is not None
    assert program.stderr is not None
    program.stdout.close()
    pickle.dump(draw_jpeg(2), program.stdin)
    program.stdin.close()
    assert b"Traceback" not in program.stderr.read()
    program.wait(timeout=60)


def test_what_is_printed_while_decoding_is_no_answer() -> None:
    script = f"""
from PIL import Image, JpegImagePlugin
from {pixels.__name__} import serve

def open_noisily(*arguments):
    print("noise")
    return JpegImagePlugin.jpeg_factory(*arguments)

Image.preinit()
Image.register_open("JPEG", open_noisily)
serve({SIZE})
"""
    content = draw_jpeg(1)
    with start("-c", script) as process:
        assert ask(process, content) == read_pixels(Image(content), size=SIZE)
        output, errors = process.communicate(timeout=60)
    assert (output, errors.strip()) == (b"", b"noise")


def test_the_program_starts_without_torch_and_numpy() -> None:
    script = (
        f"import sys, {pixels.__name__}\n"
        "print({'torch', 'numpy', 'transformers', 'concurrent.futures'} & set(sys.modules))"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, env=environment)
    assert done.stdout == b"set()\n", done.stderr


def test_a_broken_picture_is_named() -> None:
    with pytest.raises(DataError, match=r"row 7 cannot be decoded .*; replace the file"):
        read_pixels(Image(draw_jpeg(3)[:300], name="row 7"), size=SIZE)
