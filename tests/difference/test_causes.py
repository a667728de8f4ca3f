"""`evals diff` names the first cause of a difference, and divides the gap without remainder."""

import json
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.difference import Layer, find_difference, format_difference
from evals.errors import ResultsError
from tests.difference.planted import ALL, BASES, FIRST, LAST, QUESTIONS, Planted, edit_question
from tests.official import edit_json
from tests.runner.calls import Silent, evaluate


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Base runs with their data beside them: name -> the folder of both."""
    folders = {name: tmp_path_factory.mktemp(name) for name in BASES}
    for name, make in BASES.items():
        make(folders[name])
    return folders


def test_there_are_more_than_thirty_causes_of_all_layers() -> None:
    assert len(ALL) >= 30
    assert {planted.layer for planted in ALL} == set(Layer)


@pytest.mark.parametrize("planted", ALL, ids=lambda planted: planted.name)
def test_a_planted_cause_is_named(planted: Planted, bases: dict[str, Path], tmp_path: Path) -> None:
    base = bases[planted.base]
    found = find_difference(base / "run", planted.plant(base, tmp_path), Silent())
    assert found.cause is not None
    assert (found.cause.layer, found.cause.what[: len(planted.what)]) == (
        planted.layer,
        planted.what,
    ), found.causes
    if planted.query_id is not None:
        assert found.cause.query_id == planted.query_id
    if found.gap is not None and found.parts:
        assert sum(part.value for part in found.parts) == pytest.approx(found.gap, abs=1e-12)


@settings(max_examples=6)
@given(
    words=st.sets(
        st.sampled_from(
            [
                (Layer.DATA, "limit=2"),
                (Layer.DEMONSTRATIONS, "seed=3"),
                (Layer.PROMPT, "++protocol.wording.vqa.prefix='Look: '"),
                (Layer.DECODING, "protocol.decoding.vqa.max_new_tokens=2"),
                (Layer.TRUNCATION, '++protocol.truncation.vqa.patterns=["[aeiou]"]'),
                (Layer.SCORER, "protocol.headline.vqa=normalised"),
            ]
        ),
        min_size=1,
    )
)
def test_of_several_causes_the_first_in_order_is_the_cause_and_the_parts_add_up(
    bases: dict[str, Path], tmp_path_factory: pytest.TempPathFactory, words: set[tuple[Layer, str]]
) -> None:
    where = tmp_path_factory.mktemp("several")
    shutil.copytree(bases["vqav2"] / "data", where / "data")
    other, _ = evaluate("vqav2", where, *(word for _, word in words))
    for pair in ((bases["vqav2"] / "run", other), (other, bases["vqav2"] / "run")):
        found = find_difference(*pair, Silent())
        order = list(Layer)
        assert found.cause is not None
        assert found.cause.layer is min((layer for layer, _ in words), key=order.index)
        assert {cause.layer for cause in found.causes} <= {layer for layer, _ in words}
        assert found.gap is not None
        assert sum(part.value for part in found.parts) == pytest.approx(found.gap, abs=1e-12)


def test_a_run_has_no_difference_from_itself_copied_moved_or_in_another_order(
    bases: dict[str, Path], tmp_path: Path
) -> None:
    base = bases["vqav2"]
    copy = Path(shutil.copytree(base / "run", tmp_path / "copy"))
    lines = (copy / "records.jsonl").read_text().splitlines(keepends=True)
    (copy / "records.jsonl").write_text("".join(reversed(lines)))
    shutil.copytree(base / "data", tmp_path / "data")
    path = tmp_path / "data" / "vqav2" / QUESTIONS
    path.write_text(json.dumps(json.loads(path.read_text()), indent=2))
    again, _ = evaluate("vqav2", tmp_path, "on_error=record")
    for other in (copy, again):
        found = find_difference(base / "run", other, Silent())
        assert (found.causes, found.parts, found.gap) == ((), (), 0.0)


def test_the_scorers_variant_and_the_truncation_have_their_parts(
    bases: dict[str, Path], tmp_path: Path
) -> None:
    shutil.copytree(bases["memes"] / "data", tmp_path / "data")
    other, summary = evaluate(
        *("hateful_memes", tmp_path, "protocol.headline.hateful_memes=accuracy", "seed=5")
    )
    found = find_difference(bases["memes"] / "run", other, Silent())
    by_part = {part.what: part.value for part in found.parts}
    variant = "the scorer's variant (accuracy, not roc_auc_hard_labels)"
    held = json.loads((bases["memes"] / "run" / "summary.json").read_text())["scores"]
    expected = held["accuracy"]["value"] - held["roc_auc_hard_labels"]["value"]
    assert by_part.get(variant, 0.0) == pytest.approx(expected)
    (answers,) = (value for what, value in by_part.items() if what.startswith("answers (demo"))
    assert answers == pytest.approx(summary.scores["accuracy"]["value"] - held["accuracy"]["value"])


def test_gone_data_are_said_to_be_gone_and_what_was_recorded_is_told(
    bases: dict[str, Path], tmp_path: Path
) -> None:
    shutil.copytree(bases["vqav2"] / "data", tmp_path / "data")
    edit_json(tmp_path / "data" / "vqav2" / QUESTIONS, edit_question(0))
    other, _ = evaluate("vqav2", tmp_path)
    (tmp_path / "data").rename(tmp_path / "elsewhere")
    found = find_difference(bases["vqav2"] / "run", other, Silent())
    assert found.cause is not None
    assert (found.cause.layer, found.cause.query_id) == (Layer.DATA, None)
    assert "the data are gone" in found.cause.detail
    assert any(cause.query_id == FIRST for cause in found.causes)
    assert any("cannot be read" in note for note in found.notes)


def test_a_run_of_another_task_is_told_and_nothing_is_divided(bases: dict[str, Path]) -> None:
    found = find_difference(bases["vqav2"] / "run", bases["memes"] / "run", Silent())
    assert found.cause is not None
    assert (found.cause.layer, found.cause.what) == (Layer.DATA, "task")
    assert found.parts == ()


def test_what_is_printed_names_the_cause_and_reads_no_text_as_markup(
    bases: dict[str, Path], tmp_path: Path
) -> None:
    from rich.console import Console

    shutil.copytree(bases["vqav2"] / "data", tmp_path / "data")

    def edit(content: dict[str, list[dict[str, str]]]) -> None:
        content["questions"][3]["question"] = "[/bold] or [red]?"

    edit_json(tmp_path / "data" / "vqav2" / QUESTIONS, edit)
    other, _ = evaluate("vqav2", tmp_path)
    console = Console(width=200)
    with console.capture() as capture:
        console.print(format_difference(find_difference(bases["vqav2"] / "run", other, Silent())))
    assert "cause: data: question: A " in capture.get()
    assert f"B [/bold] or [red]?; first query {LAST}" in capture.get()


def test_a_folder_that_is_no_run_is_an_error(bases: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match="no run folder"):
        find_difference(bases["vqav2"] / "run", tmp_path, Silent())
