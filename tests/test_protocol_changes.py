"""A protocol is called changed where it is a shipped one that does something else; only there."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from evals.compose import compose_config
from evals.config import parse_config
from evals.protocol_changes import find_changes
from evals.protocols import load_protocol, parse_protocol
from evals.report.comparability import list_differences, list_reasons
from evals.report.references import load_references
from evals.runner import Session, run_all
from evals.summary import RunSummary
from tests.runner.calls import Silent, make_data
from tests.test_protocols import MEMES, OKVQA, PROTOCOLS, TASKS, VQAV2, make_task, shipped_values

BOTH = ("<image>", "<fake_token_around_image>")
MINE = make_task("mine", "vqa")


def merge(one: Any, other: Any) -> Any:
    if not isinstance(one, Mapping) or not isinstance(other, Mapping):
        return other
    return {**one, **{key: merge(one.get(key), value) for key, value in other.items()}}


@pytest.mark.parametrize(
    "spelling",
    [
        {"priming_kinds": ["caption", "vqa"]},
        {"truncation": {"classify": {}}},
        {"truncation": {"vqa": {"remove": ""}}},
        {"demonstration_answer": {"classify": "first"}},
        {"headline": {"vqav2": "official"}},
        {"decoding": {"vqa": {"early_stopping": False}}},
        {"decoding": {"vqa": {"forbidden": ["\n\n", *BOTH, "\n", "<image>"]}}},
        {"wording": {"mine": {"example": "{answer}", "text_only": ""}}},
    ],
)
def test_the_same_in_other_words_is_no_change(spelling: dict[str, Any]) -> None:
    values = merge(shipped_values("idefics"), spelling)
    for task in TASKS:
        assert find_changes(parse_protocol(values), task) == ()


def test_a_limit_that_is_none_is_no_change() -> None:
    values = shipped_values("flamingo") | {"max_tokens": {"vqa": None}}
    assert find_changes(parse_protocol(values), VQAV2) == ()


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"priming_kinds": ["vqa"]}, "priming_kinds"),
        ({"truncation": {"vqa": {"remove": '"'}}}, "truncation"),
        ({"max_tokens": {"vqa": 100}}, "max_tokens"),
        ({"demonstration_answer": {"classify": "random"}}, "demonstration_answer"),
        ({"headline": {"vqa": "normalised"}}, "headline"),
        ({"decoding": {"vqa": {"early_stopping": True}}}, "decoding"),
        ({"decoding": {"vqa": {"forbidden": []}}}, "decoding"),
        ({"wording": {"vqav2": {"example": "{answer}", "text_only": ""}}}, "wording"),
        ({"num_orders": 2}, "num_orders"),
    ],
)
def test_a_changed_setting_is_named(change: dict[str, Any], name: str) -> None:
    values = merge(shipped_values("idefics"), change)
    assert find_changes(parse_protocol(values), VQAV2) == (name,)


def test_what_is_said_of_one_task_alone_is_a_change_for_it() -> None:
    wording = {"wording": {"mine": {"example": "{answer}", "text_only": ""}}}
    protocol = parse_protocol(merge(shipped_values("idefics"), wording))
    assert find_changes(protocol, MINE) == ("wording",)
    assert find_changes(protocol, OKVQA) == ()


def test_what_a_shipped_protocol_says_and_this_one_does_not_is_a_change() -> None:
    values = shipped_values("idefics")
    del values["headline"]["okvqa"]
    assert find_changes(parse_protocol(values), OKVQA) == ("headline",)


def test_a_protocol_of_ones_own_is_no_changed_one() -> None:
    for name in PROTOCOLS:
        values = shipped_values(name) | {"name": "mine", "num_orders": 3}
        assert find_changes(parse_protocol(values), MEMES) == ()
        assert find_changes(load_protocol(name), MINE) == ()


def run_mine(folder: Path, *words: str, values: Mapping[str, Any] | None = None) -> RunSummary:
    """Run OK-VQA's plugin under the name `mine`, with a protocol of a folder of one's own."""
    configs = folder / "configs"
    for name in ("task", "protocol"):
        (configs / name).mkdir(parents=True)
    (configs / "task" / "mine.yaml").write_text(
        "# @package tasks.mine\n_target_: tasks.okvqa.okvqa\nsplit: val\nsupport_split: train\n"
        "benchmark: OKVQA\nreference_splits: {val: val}\n"
    )
    if values:
        (configs / "protocol" / "own.yaml").write_text(yaml.safe_dump(values))
    data_dir = make_data("okvqa", folder / "data")
    paths = (f"data_dir={data_dir}", f"run_dir={folder / 'run'}")
    words = ("task=mine", "model=mock", "shots=2", *paths, *words)
    config = compose_config(words, config_dir=str(configs))
    ((_, summary),) = run_all(Session(parse_config(config), Silent()))
    return summary


def list_remarks(run: RunSummary) -> list[str]:
    """Return what is said of a run, alone and beside IDEFICS-9B's number."""
    number = next(
        reference
        for reference in load_references()
        if reference.series.name == "IDEFICS-9B"
        and (reference.benchmark, reference.shots) == ("OKVQA", 4)
    )
    return [*list_reasons(run), *list_differences(run, number)]


def test_a_task_under_another_name_is_not_called_another_score(tmp_path: Path) -> None:
    run = run_mine(tmp_path)
    assert (run.task, run.task_name, run.headline) == ("mine", "okvqa", "raw_answers")
    assert list_remarks(run) == []


def test_another_score_under_any_name_is_called_so(tmp_path: Path) -> None:
    run = run_mine(tmp_path, "protocol.headline.okvqa=official")
    assert list_remarks(run) == [
        "protocol idefics with changed headline",
        "score: official VQA accuracy, not VQA accuracy on raw answers",
    ]


def test_a_shipped_protocol_in_a_folder_of_ones_own_is_not_called_changed(tmp_path: Path) -> None:
    run = run_mine(tmp_path, "protocol=own", values=shipped_values("idefics"))
    assert (run.protocol, list_remarks(run)) == ("idefics", [])


def test_a_protocol_of_that_name_with_other_values_is_called_changed(tmp_path: Path) -> None:
    values = shipped_values("idefics") | {"num_priming": 1}
    run = run_mine(tmp_path, "protocol=own", values=values)
    assert list_remarks(run) == ["protocol idefics with changed num_priming"]


def test_a_protocol_of_ones_own_is_called_another_and_not_changed(tmp_path: Path) -> None:
    values = shipped_values("idefics") | {"name": "own", "num_priming": 1}
    run = run_mine(tmp_path, "protocol=own", values=values)
    assert list_remarks(run) == ["protocol: own, not idefics"]
