"""Pictures decoded ahead, in real processes."""

import gc
import os
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as PilImages

from evals.errors import DataError
from evals.models.idefics.decoding import START_AT, Decoder, default_num_workers
from evals.models.idefics.pixels import read_pixels
from evals.types import Image
from tests.conftest import REPOSITORY
from tests.models.idefics.processes import needs_proc
from tests.models.idefics.test_pixels import SIZE, draw_jpeg

MANY = START_AT + 8


def draw(count: int, *, first: int = 0) -> list[Image]:
    return [Image(draw_jpeg(first + index)) for index in range(count)]


@pytest.mark.parametrize("num_workers", [0, 1, 2])
@pytest.mark.parametrize("announced", [True, False])
def test_pixels_are_the_same_with_any_number_of_processes(
    num_workers: int, announced: bool, tmp_path: Path
) -> None:
    images = draw(MANY)
    (tmp_path / "x.jpg").write_bytes(draw_jpeg(100))
    images[3] = Image(tmp_path / "x.jpg")
    images[5] = Image(lambda: draw_jpeg(101))
    images[7] = Image(PilImages.fromarray(np.full((9, 9, 3), 7, dtype=np.uint8)))
    decoder = Decoder(SIZE, num_workers=num_workers)
    if announced:
        decoder.prefetch(images)
    expected = [read_pixels(image, size=SIZE) for image in images]
    assert [decoder.read(image) for image in images] == expected
    assert [decoder.read(image) for image in reversed(images)] == expected[::-1]
    decoder.close()


@settings(max_examples=25, deadline=None)
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["prefetch", "read", "forget"]), st.integers(0, 9)), max_size=60
    ),
    max_ahead=st.integers(1, 12),
)
def test_any_order_of_announcing_asking_and_forgetting_gives_the_pixels(
    steps: list[tuple[str, int]], max_ahead: int
) -> None:
    images = draw(10)
    expected = [read_pixels(image, size=SIZE) for image in images]
    decoder = Decoder(SIZE, num_workers=1, max_ahead=max_ahead)
    decoder.prefetch(draw(START_AT, first=50))  # never asked for
    for step, number in steps:
        if step == "prefetch":
            decoder.prefetch(images[number:])
        elif step == "forget":
            decoder.forget(images[number])
        else:
            assert decoder.read(images[number]) == expected[number]
        assert decoder.num_ahead <= max_ahead
    decoder.close()


def test_pictures_that_are_never_asked_for_make_room_in_the_end() -> None:
    """An evaluation may end early; the next one's pictures must still be decoded ahead."""
    decoder = Decoder(SIZE, num_workers=1, max_ahead=4)
    decoder.prefetch(draw(START_AT))
    assert decoder.num_ahead == 4
    for image in draw(START_AT, first=50):
        decoder.read(image)
    assert decoder.num_ahead < 4
    decoder.close()


@needs_proc
def test_processes_start_only_for_many_pictures_and_end_when_closed(
    find_processes: Callable[[], set[int]],
) -> None:
    decoder = Decoder(SIZE, num_workers=2)
    decoder.prefetch(draw(START_AT - 1) * 2)
    assert not find_processes()
    decoder.prefetch(draw(1, first=500))
    assert len(find_processes()) == 2
    decoder.close()
    assert not find_processes()
    assert decoder.read(draw(1)[0]) == read_pixels(draw(1)[0], size=SIZE)


@needs_proc
def test_processes_end_with_a_forgotten_decoder(
    find_processes: Callable[[], set[int]],
) -> None:
    decoder = Decoder(SIZE, num_workers=2)
    decoder.prefetch(draw(MANY))
    assert len(find_processes()) == 2
    del decoder
    gc.collect()
    assert not find_processes()


def test_a_picture_that_a_process_cannot_read_is_an_error_where_it_is_asked_for(
    tmp_path: Path,
) -> None:
    images = draw(MANY)
    images[4] = Image(draw_jpeg(4)[:300], name="row 4")
    images[6] = Image(tmp_path / "gone.jpg")
    decoder = Decoder(SIZE, num_workers=1)
    decoder.prefetch(images)
    for index, image in enumerate(images):
        if index == 4:
            with pytest.raises(DataError, match="row 4 cannot be decoded as a picture"):
                decoder.read(image)
        elif index == 6:
            with pytest.raises(DataError, match=r"gone\.jpg cannot be read"):
                decoder.read(image)
        else:
            assert decoder.read(image) == read_pixels(image, size=SIZE)
    decoder.close()


@needs_proc
def test_a_killed_process_loses_no_picture_and_is_told_once(
    find_processes: Callable[[], set[int]],
) -> None:
    images = draw(MANY)
    decoder = Decoder(SIZE, num_workers=2)
    decoder.prefetch(images)
    expected = [read_pixels(image, size=SIZE) for image in images]
    assert decoder.read(images[0]) == expected[0]
    for pid in find_processes():
        os.kill(pid, signal.SIGKILL)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        for _ in range(1000):
            decoder.prefetch(images)
            assert [decoder.read(image) for image in images] == expected
            if len(told) and not find_processes():
                break
        decoder.prefetch(images)
    assert len(told) == 1
    assert "(exit code -9); pictures are decoded in this process" in str(told[0].message)
    assert not find_processes()
    decoder.close()


def wait_for(condition: object) -> None:
    assert callable(condition)
    for _ in range(1000):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("it never came true")


def test_a_python_that_cannot_be_started_is_told_and_done_without(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "no_python"))
    images = draw(MANY)
    decoder = Decoder(SIZE, num_workers=2)
    with pytest.warns(RuntimeWarning, match="cannot be started"):
        decoder.prefetch(images)
    assert decoder.read(images[0]) == read_pixels(images[0], size=SIZE)


SCRIPT = f"""
import os, signal, sys
from evals.models.idefics.decoding import Decoder
from tests.models.idefics.test_decoding import MANY, draw
from tests.models.idefics.processes import list_children
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
print("started")
decoder = Decoder({SIZE}, num_workers=2)
images = draw(MANY)
decoder.prefetch(images)
decoder.read(images[0])
print(*list_children(), flush=True)
"""


@needs_proc
@pytest.mark.parametrize(
    ("ending", "code", "said"),
    [
        ("", 0, b""),
        ("raise SystemExit(3)", 3, b""),
        # As a terminal does: to all processes of the group.
        ("os.killpg(0, signal.SIGINT); signal.pause()", -signal.SIGINT, b"KeyboardInterrupt"),
        ("os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL, b""),
    ],
)
def test_no_process_outlives_an_unguarded_script(
    ending: str, code: int, said: bytes, tmp_path: Path
) -> None:
    """A script without `if __name__ == "__main__"` runs once; its processes end as it does."""
    path = tmp_path / "script.py"
    path.write_text(SCRIPT + ending)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(REPOSITORY), *sys.path])}
    done = subprocess.run(
        [sys.executable, str(path)],
        capture_output=True,
        env=environment,
        start_new_session=True,
        timeout=120,
    )
    assert done.returncode == code, done.stderr
    assert done.stdout.count(b"started") == 1
    assert done.stderr.count(b"Traceback") == (1 if said else 0), done.stderr
    assert said in done.stderr
    pids = [int(pid) for pid in done.stdout.split()[1:]]
    assert len(pids) == 2
    wait_for(lambda: not any(is_decoding(pid) for pid in pids))


def is_decoding(pid: int) -> bool:
    try:
        return "idefics.pixels" in Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return False


def test_the_default_leaves_half_of_the_cores_to_the_model() -> None:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert cores is not None
    assert default_num_workers() == min(8, cores // 2)
