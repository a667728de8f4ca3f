"""Two runs share a hash where, and only where, nothing that can change a request differs.

A state is a choice for each of several dimensions: settings and files. Those in MOVING can change
what is asked or how its answer is read; those in FREE cannot.
"""

import json
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.compose import compose_config
from evals.files import sha256_json
from evals.identity import NUM_READ, digest_content
from evals.resources import tiny_checkpoint_dir
from evals.runner.identity import identify
from evals.runner.loading import load_run
from evals.types import Example, ExampleSet, Image
from tests.official import edit_json, write_picture
from tests.runner.calls import make_data, open_session

State = Mapping[str, str]
Change = Callable[[Path], object]


def hash_run(*overrides: str) -> str:
    session = open_session(*overrides)
    (task,), (shots,), (seed,) = (
        session.settings.tasks,
        session.settings.shots,
        session.settings.seeds,
    )
    run = load_run(session, task, shots=shots, seed=seed, with_images=True)
    digest: str = identify(run, session).to_json()["hash"]
    return digest


# ------------------------------------------------------------------------- settings

MOVING: Mapping[str, tuple[str, ...]] = {
    "shots": ("shots=1", "shots=2"),
    "seed": ("seed=0", "seed=1"),
    "protocol": ("protocol=idefics", "protocol=openflamingo", "protocol=flamingo"),
    "support": ("support_split=train", "support_split=val"),
    "sampler": ("", "demonstrations.sampler=fixed"),
    "num_support": ("", "demonstrations.num_support=3"),
    "new tokens": ("", "protocol.decoding.vqa.max_new_tokens=7"),
    "beams": ("", "++protocol.decoding.vqa.num_beams=5"),
    "length penalty": ("", "++protocol.decoding.vqa.length_penalty=0.5"),
    "stop": ("", "protocol.decoding.vqa.stop=[Why]"),
    "end tokens": ("", "++protocol.decoding.vqa.eos=[7]"),
    "truncation": ("", '++protocol.truncation.vqa.patterns=["Because"]'),
    "prefix": ("", "++protocol.wording.vqa.prefix=Look."),
    "bos": ("", "++protocol.wording.vqa.bos=false"),
    "length": ("", "++protocol.max_tokens.vqa=900"),
    "shown answer": ("", "++protocol.demonstration_answer.vqa=first"),
    "raw answers": ("protocol.raw_answers=true", "protocol.raw_answers=false"),
    "model's length": ("", "model.max_tokens=999"),
}
FREE: Mapping[str, tuple[str, ...]] = {
    "limit": ("", "limit=1", "limit=3", "sample=1", "sample=2"),
    "sample's seed": ("", "sample_seed=5"),
    "folder": ("run_dir=a", "run_dir=b"),
    "failures": ("", "on_error=record"),
    "references": ("", "reference=[Flamingo-9B]"),
    "report": ("", "report=pages"),
    "headline": ("", "++protocol.headline.vqa=normalised"),
    "another task's decoding": ("", "++protocol.decoding.caption.max_new_tokens=99"),
    "closed sets' scores": ("", "protocol.class_score=mean", "protocol.num_orders=4"),
    "a default written out": ("", "++protocol.decoding.vqa.early_stopping=false"),
    "split sizes": ("", "tasks.vqav2.split_sizes.val=5"),
}


def draw_states(dimensions: Mapping[str, tuple[str, ...]]) -> st.SearchStrategy[State]:
    return st.fixed_dictionaries({key: st.sampled_from(of) for key, of in dimensions.items()})


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_data("vqav2", tmp_path_factory.mktemp("data") / "vqav2")


def hash_state(data_dir: Path, *states: State) -> str:
    words = [word for state in states for word in state.values() if word]
    ordered = sorted(words, key=lambda word: not word.startswith("protocol="))
    return hash_run("task=vqav2", "model=mock", f"data_dir={data_dir}", *ordered)


@settings(max_examples=15)
@given(
    moving=draw_states(MOVING),
    other=st.one_of(st.none(), st.sampled_from(sorted(MOVING))),
    free=draw_states(FREE),
    other_free=draw_states(FREE),
    data=st.data(),
)
def test_runs_share_a_hash_where_no_setting_that_moves_an_answer_differs(
    data_dir: Path,
    moving: State,
    other: str | None,
    free: State,
    other_free: State,
    data: st.DataObject,
) -> None:
    changed = dict(moving)
    if other is not None:
        left = [word for word in MOVING[other] if word != moving[other]]
        changed[other] = data.draw(st.sampled_from(left))
    one, two = hash_state(data_dir, moving, free), hash_state(data_dir, changed, other_free)
    assert (one == two) is (other is None)


@pytest.mark.parametrize("dimension", sorted(MOVING))
def test_every_setting_that_moves_an_answer_is_in_the_hash(dimension: str, data_dir: Path) -> None:
    usual = {key: words[0] for key, words in MOVING.items()}
    hashes = {hash_state(data_dir, {**usual, dimension: word}): word for word in MOVING[dimension]}
    assert len(hashes) == len(MOVING[dimension])


@pytest.mark.parametrize("dimension", sorted(FREE))
def test_no_setting_that_moves_no_answer_is_in_the_hash(dimension: str, data_dir: Path) -> None:
    usual = {key: words[0] for key, words in MOVING.items()}
    assert len({hash_state(data_dir, usual, {dimension: word}) for word in FREE[dimension]}) == 1


def test_the_dimensions_are_all_settings_there_are(data_dir: Path) -> None:
    """A setting that is added to the schema has to be put into one of the two."""
    known = {
        *("tasks", "model", "protocol", "shots", "seed", "split", "support_split"),
        *("limit", "sample", "sample_seed"),
        *("source", "data_dir", "image_dir", "questions", "annotations", "run_dir"),
        *("demonstrations", "on_error", "reference", "report", "tracker", "execution"),
    }
    assert set(compose_config(["task=vqav2"])) == known


# ------------------------------------------------------------------------- files

QUESTIONS = "v2_OpenEnded_mscoco_val2014_questions.json"
ANNOTATIONS = "v2_mscoco_val2014_annotations.json"
SUPPORT = "v2_mscoco_train2014_annotations.json"


def first_picture(folder: Path, part: str = "val2014") -> Path:
    return min((folder / part).iterdir())


def repaint(path: Path) -> None:
    """Give a picture other bytes, as many as before."""
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)


def change_answer(content: Any) -> None:
    content["annotations"][0]["answers"][2]["answer"] = "dog"


def change_question(content: Any) -> None:
    content["questions"][0]["question"] += "?"


def drop_question(content: Any) -> None:
    del content["questions"][0]


MOVING_FILES: Mapping[str, Change] = {
    "a question": lambda folder: edit_json(folder / QUESTIONS, change_question),
    "a reference": lambda folder: edit_json(folder / ANNOTATIONS, change_answer),
    "a demonstration's answer": lambda folder: edit_json(folder / SUPPORT, change_answer),
    "a picture": lambda folder: write_picture(first_picture(folder), shade=77),
    "a picture's bytes, not its size": lambda folder: repaint(first_picture(folder)),
    "a demonstration's picture": lambda folder: repaint(first_picture(folder, "train2014")),
}


def reorder(content: Any) -> None:
    content["questions"].reverse()


def add_facts(content: Any) -> None:
    content["info"] = {"year": 2026}


FREE_FILES: Mapping[str, Change] = {
    "the order of questions": lambda folder: edit_json(folder / QUESTIONS, reorder),
    "spaces in a file": lambda folder: (folder / QUESTIONS).write_text(
        json.dumps(json.loads((folder / QUESTIONS).read_text()), indent=1)
    ),
    "what nobody reads": lambda folder: edit_json(folder / ANNOTATIONS, add_facts),
    "the time of a file": lambda folder: os.utime(folder / QUESTIONS, (1, 1)),
    "the time of a picture": lambda folder: os.utime(first_picture(folder), (1, 1)),
    "another picture in the folder": lambda folder: write_picture(folder / "val2014" / "x.jpg"),
    "the place of a file": lambda folder: (
        (folder / "annotations").mkdir(),
        (folder / ANNOTATIONS).rename(folder / "annotations" / ANNOTATIONS),
    ),
}
SUBSETS = st.sets(st.sampled_from(sorted(MOVING_FILES)))
FREE_SUBSETS = st.sets(st.sampled_from(sorted(FREE_FILES)), max_size=3)


def hash_files(data_dir: Path, where: Path, changes: set[str]) -> str:
    """Return the hash of a run on a copy of the data with these changes."""
    folder = where / sha256_json(sorted(changes))[:8]
    if not folder.is_dir():
        shutil.copytree(data_dir, folder)
        for name, change in (MOVING_FILES | FREE_FILES).items():  # a file is moved last
            if name in changes:
                change(folder)
    return hash_run("task=vqav2", "model=mock", f"data_dir={folder}", "shots=1")


@settings(max_examples=15)
@given(one=SUBSETS, other=SUBSETS, free=FREE_SUBSETS, other_free=FREE_SUBSETS)
def test_runs_share_a_hash_where_no_file_that_moves_an_answer_differs(
    data_dir: Path,
    tmp_path_factory: pytest.TempPathFactory,
    one: set[str],
    other: set[str],
    free: set[str],
    other_free: set[str],
) -> None:
    where = tmp_path_factory.mktemp("copies")
    hashes = [
        hash_files(data_dir, where / str(number), changes)
        for number, changes in enumerate((one | free, other | other_free))
    ]
    assert (hashes[0] == hashes[1]) is (one == other)


@pytest.mark.parametrize("name", sorted(MOVING_FILES))
def test_every_file_that_moves_an_answer_is_in_the_hash(
    name: str, data_dir: Path, tmp_path: Path
) -> None:
    assert hash_files(data_dir, tmp_path, {name}) != hash_files(data_dir, tmp_path, set())


@pytest.mark.parametrize("name", sorted(FREE_FILES))
def test_no_file_that_moves_no_answer_is_in_the_hash(
    name: str, data_dir: Path, tmp_path: Path
) -> None:
    assert hash_files(data_dir, tmp_path, {name}) == hash_files(data_dir, tmp_path, set())


@settings(max_examples=30)
@given(
    ids=st.lists(st.text(min_size=1, max_size=4), min_size=1, max_size=5, unique=True),
    data=st.data(),
)
def test_a_splits_digest_is_of_its_examples_whatever_their_order(
    ids: list[str], data: st.DataObject
) -> None:
    def make(example_id: str) -> Example:
        picture = Image(data.draw(st.binary(max_size=3)))
        return Example(example_id, picture, data.draw(st.text(max_size=2)), label=1)

    examples = [make(example_id) for example_id in ids]
    shuffled = data.draw(st.permutations(examples))
    digest = digest_content(ExampleSet(tuple(examples)))
    assert digest == digest_content(ExampleSet(tuple(shuffled)))
    number = data.draw(st.integers(0, len(ids) - 1))
    for changes in ({"question": "another one"}, {"label": 0}, {"references": ("a", "b")}):
        others = [*examples]
        others[number] = replace(examples[number], **changes)  # type: ignore[arg-type]
        assert digest_content(ExampleSet(tuple(others))).examples != digest.examples


def test_few_pictures_are_read_and_all_sizes_are_known(tmp_path: Path) -> None:
    paths = [tmp_path / str(number) for number in range(2 * NUM_READ)]
    for number, path in enumerate(paths):
        path.write_bytes(b"%04d" % number)
    examples = tuple(Example(path.name, Image(path)) for path in paths)
    digest = digest_content(ExampleSet(examples))
    read = [example for example in examples if example.image and "sha256" in vars(example.image)]
    assert len(read) == NUM_READ
    unread = next(path for path in paths if path.name not in {example.id for example in read})
    unread.write_bytes(b"five!")
    again = tuple(Example(path.name, Image(path)) for path in paths)
    assert digest_content(ExampleSet(again)).pictures != digest.pictures
    unread.write_bytes(b"same")
    again = tuple(Example(path.name, Image(path)) for path in paths)
    same_size = digest_content(ExampleSet(again))
    assert same_size.pictures == digest.pictures, "so recorded prompts are worded again:"
    assert same_size.stamp != digest.stamp


# ------------------------------------------------------------------------- plugins and checkpoints


@pytest.fixture(scope="module")
def memes_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_data("hateful_memes", tmp_path_factory.mktemp("memes") / "hateful_memes")


def hash_plugin(memes_dir: Path, *words: str, target: str = "memes") -> str:
    return hash_run(
        *("task=hateful_memes", "model=mock", f"data_dir={memes_dir}", "shots=1"),
        *(f"tasks.hateful_memes._target_=tests.runner.plugins.{target}", *words),
    )


@pytest.mark.parametrize(
    "words",
    [
        ("+tasks.hateful_memes.choices=[nein,ja]",),
        ("+tasks.hateful_memes.choices=[no,yes,maybe]",),
        ("+tasks.hateful_memes.shown=Text",),
        ("+tasks.hateful_memes.kind=vqa",),
    ],
)
def test_a_plugin_with_another_argument_is_another_run(
    words: tuple[str, ...], memes_dir: Path
) -> None:
    assert hash_plugin(memes_dir, *words) != hash_plugin(memes_dir)


@pytest.mark.parametrize(
    "words", [("+tasks.hateful_memes.choices=[no,yes]",), ("+tasks.hateful_memes.shown=''",)]
)
def test_an_argument_at_its_default_and_a_moved_plugin_are_the_same_run(
    words: tuple[str, ...], memes_dir: Path
) -> None:
    assert hash_plugin(memes_dir, *words) == hash_plugin(memes_dir)
    assert hash_plugin(memes_dir, target="same_memes") == hash_plugin(memes_dir)


def test_another_plugin_with_other_examples_is_another_run(memes_dir: Path) -> None:
    shipped = hash_run("task=hateful_memes", "model=mock", f"data_dir={memes_dir}", "shots=1")
    assert shipped == hash_plugin(memes_dir), "the plugin gives what the shipped one gives"
    words = ("+tasks.hateful_memes.shown=Text",)
    assert shipped != hash_plugin(memes_dir, *words)


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("config.json", True),
        ("generation_config.json", True),
        ("preprocessor_config.json", True),
        ("tokenizer.json", True),
        ("tokenizer_config.json", True),
        ("special_tokens_map.json", True),
        ("model.safetensors", True),
        ("README.md", False),
        ("pytorch_model.bin", False),
    ],
)
def test_the_checkpoints_files_that_are_read_are_in_the_hash_and_no_others(
    name: str, counts: bool, data_dir: Path, tmp_path: Path
) -> None:
    checkpoint = shutil.copytree(tiny_checkpoint_dir(), tmp_path / "mine")
    words = ("task=vqav2", f"data_dir={data_dir}", "model=idefics", "model.device=cpu")
    words = (*words, f"model.checkpoint={checkpoint}")
    before = hash_run(*words)
    path = checkpoint / name
    path.write_bytes((path.read_bytes() if path.is_file() else b"") + b" ")
    assert (hash_run(*words) != before) is counts


@pytest.mark.parametrize(
    ("word", "counts"),
    [
        ("model.dtype=bfloat16", True),
        ("model.batch_size=3", False),
        ("model.num_workers=0", False),
        ("model.allow_urls=true", False),
        ("model.cache_dir=latents", False),
        ("model.verify=true", False),
    ],
)
def test_the_models_settings_count_where_they_move_an_answer(
    word: str, counts: bool, data_dir: Path
) -> None:
    words = ("task=vqav2", f"data_dir={data_dir}", "model=idefics", "model.device=cpu")
    words = (*words, f"model.checkpoint={tiny_checkpoint_dir()}")
    assert (hash_run(*words, word) != hash_run(*words)) is counts
