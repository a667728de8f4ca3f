import io
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from evals.errors import ConfigError
from evals.report.listing import LISTS, render_list
from evals.report.references import list_series, load_references
from evals.resources import configs_dir


def render(name: str, config_dir: Path | None = None) -> str:
    console = Console(width=200, file=io.StringIO())
    with console.capture() as capture:
        console.print(render_list(name, config_dir=config_dir))
    return capture.get()


@pytest.mark.parametrize(
    ("name", "group"), [("tasks", "task"), ("models", "model"), ("protocols", "protocol")]
)
def test_every_config_is_listed(name: str, group: str) -> None:
    first_words = {line.split()[0] for line in render(name).splitlines() if line[:1].strip()}
    assert {path.stem for path in (configs_dir() / group).glob("*.yaml")} <= first_words


def test_tasks_are_listed_with_splits_and_official_sizes() -> None:
    text = render("tasks")
    assert "val 5,046" in text
    assert "karpathy_test ← karpathy_train" in text
    assert "OK-VQA (Marino et al. 2019): questions that need outside knowledge" in text
    assert "evals run" not in text
    assert "@package" not in text


def test_protocols_are_listed_with_their_headline_scores() -> None:
    assert "okvqa: openflamingo_stemmed" in render("protocols")


def test_references_are_listed_with_counts_and_sources() -> None:
    text = render("references")
    for series in list_series(load_references()):
        assert series.name in text
    (line,) = [line for line in text.splitlines() if line.startswith("Flamingo-9B ")]
    assert line.split()[1:7] == ["0", "4", "8", "16", "32", "76"]
    assert "arXiv:2204.14198v1 Table 3; v2 Table 1, arXiv:2204.14198v2 Table 1" in line


def test_the_users_own_configs_are_listed_too_and_win(tmp_path: Path) -> None:
    (tmp_path / "task").mkdir()
    (tmp_path / "task" / "easy_vqa.yaml").write_text(
        "# @package tasks.easy_vqa\n"
        "# Easy-VQA: shapes and\n"
        "# colours. More words.          evals run task=easy_vqa\n"
        "_target_: mine.easy_vqa\nsplit: test\nsupport_split: train\n"
    )
    (tmp_path / "task" / "okvqa.yaml").write_text("# My OK-VQA\nsplit: val\n")
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "mine.yaml").write_text("_target_: mine.Spec\ncheckpoint: ???\n")
    text = render("tasks", tmp_path)
    assert "Easy-VQA: shapes and colours " in text
    assert "test ← train" in text
    assert "My OK-VQA" in text
    assert "Marino" not in text
    assert "model.checkpoint" in render("models", tmp_path)


def test_a_folder_or_file_that_cannot_be_read_is_the_users_mistake(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such folder"):
        render("tasks", tmp_path / "absent")
    (tmp_path / "task").mkdir()
    (tmp_path / "task" / "torn.yaml").write_text("a: [1\n")
    with pytest.raises(ConfigError, match=r"torn\.yaml"):
        render("tasks", tmp_path)


def test_lists_and_tables_import_nothing_heavy() -> None:
    program = (
        "import sys, evals.report.listing, evals.report.table\n"
        f"[evals.report.listing.render_list(name) for name in {LISTS!r}]\n"
        "heavy = {'torch', 'transformers', 'pandas', 'numpy', 'hydra', 'datasets', 'evaluate'}\n"
        "print(*sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ""
