"""Progress: a bar in a terminal; in a log a line now and then, and nothing of short work."""

import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from evals.progress import RichProgress, format_duration, format_pace, format_rate
from tests.cli.processes import run_in_terminal, run_piped

PROGRAM = (
    sys.executable,
    "-c",
    "import time\n"
    "from evals.progress import RichProgress\n"
    "progress = RichProgress()\n"
    "with progress.wait('model tiny'):\n"
    "    time.sleep(0.2)\n"
    "for _ in progress.track(iter(range(60)), 'hateful_memes 16 shots', total=60):\n"
    "    time.sleep(0.02)\n",
)
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Clock:
    """Goes on by what each answer takes."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def answer(self, count: int, *, seconds: float) -> Iterator[int]:
        for number in range(count):
            self.now += seconds
            yield number


def track(clock: Clock, values: Iterable[int], total: int | None = None) -> int:
    return sum(1 for _ in RichProgress(clock=clock).track(values, "okvqa 4 shots", total=total))


def test_short_work_is_not_told_in_a_log(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    assert track(clock, clock.answer(29, seconds=1), total=29) == 29
    assert capsys.readouterr().err == ""


def test_a_log_has_a_line_for_each_tenth(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    track(clock, clock.answer(1000, seconds=0.5), total=1000)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 10
    assert lines[0] == "okvqa 4 shots: 100 of 1,000, 2.0/s, 0:07:30 left"
    assert lines[-1] == "okvqa 4 shots: 1,000 in 0:08:20, 2.0/s"


def test_a_log_has_no_two_lines_within_half_a_minute(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    track(clock, clock.answer(100, seconds=1), total=100)
    lines = capsys.readouterr().err.splitlines()
    assert [line.split()[3] for line in lines] == ["30", "60", "90", "100"]


def test_slow_work_is_told_every_ten_minutes(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    track(clock, clock.answer(100, seconds=300), total=1000)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "okvqa 4 shots: 2 of 1,000, 0.2/min, 83:10:00 left"
    assert len(lines) == 50 + 1  # the last says that it is done


def test_work_of_unknown_length_is_told_too(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    track(clock, clock.answer(1300, seconds=1))
    first, *_, last = capsys.readouterr().err.splitlines()
    assert first == "okvqa 4 shots: 600 in 0:10:00, 1.0/s"
    assert last == "okvqa 4 shots: 1,300 in 0:21:40, 1.0/s"


def test_a_list_knows_its_length(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    for _ in RichProgress(clock=clock).track([0] * 10, "checks"):
        clock.now += 31
    assert capsys.readouterr().err.startswith("checks: 1 of 10, 1.9/min, 0:04:39 left\n")


def test_long_waiting_is_told_when_it_is_over(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    progress = RichProgress(clock=clock)
    with progress.wait("model tiny"):
        clock.now += 29
    with progress.wait("model 80b [0]"):
        clock.now += 250
    assert capsys.readouterr().err == "model 80b [0]: 0:04:10\n"


@pytest.mark.parametrize(
    ("rate", "text"),
    [(1234.5, "1,234/s"), (99.94, "99.9/s"), (1, "1.0/s"), (0.5, "30.0/min"), (0, "0.0/min")],
)
def test_a_rate_is_readable(rate: float, text: str) -> None:
    assert format_rate(rate) == text


def test_durations_and_paces_are_readable() -> None:
    assert format_duration(59.6) == "0:01:00"
    assert format_duration(360_061) == "100:01:01"
    assert format_pace(0, 10, 0.0) == "0 of 10, 0.0/min"


def test_a_pipe_gets_nothing_of_short_work_not_even_with_forced_colours(tmp_path: Path) -> None:
    done = run_piped(PROGRAM, cwd=tmp_path, FORCE_COLOR="1")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_terminal_of_80_columns_has_a_bar_with_rate_and_time_left(tmp_path: Path) -> None:
    written = ESCAPES.sub("", run_in_terminal(PROGRAM, cwd=tmp_path))
    lines = [line for line in re.split(r"[\r\n]+", written) if line]
    assert any(line.startswith("⠋ model tiny 0:00:0") for line in lines)
    bars = [line for line in lines if line.startswith("hateful_memes 16 shots ")]
    assert max(map(len, lines)) <= 80
    assert any(re.search(r"\d+/60 [\d.]+/s, 0:00:0\d left$", line) for line in bars)
    assert re.search(r"━{20} 60/60 [\d.]+/s, 0:00:0\d$", bars[-1].rstrip())


def test_a_terminal_that_cannot_move_its_cursor_gets_no_bar(tmp_path: Path) -> None:
    assert run_in_terminal(PROGRAM, cwd=tmp_path, TERM="dumb") == ""
