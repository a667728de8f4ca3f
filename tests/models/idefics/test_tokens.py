"""Segments to ids, as transformers' processor does it; ids to text."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as PilImages
from transformers import IdeficsProcessor, PreTrainedTokenizerFast
from transformers.models.idefics.image_processing_pil_idefics import IdeficsImageProcessorPil

from evals.errors import CheckpointError, PromptError
from evals.models.idefics.groups import NO_IMAGE
from evals.models.idefics.tokens import PromptTokenizer, read_tokenizer
from evals.prompts import build_prompt
from evals.types import IMAGE_TOKENS, Image, Prompt, Text
from tests.models.conftest import SPECIAL, Pair, write_llama_tokenizer

PICTURE = Image(PilImages.new("RGB", (4, 4)))
OTHER = Image(PilImages.new("RGB", (4, 5)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("llama")
    write_llama_tokenizer(folder / "tokenizer.json")
    return folder


@pytest.fixture(scope="module")
def llama(folder: Path) -> PromptTokenizer:
    return read_tokenizer(folder, vocab_size=32003)


@pytest.fixture(scope="module")
def processor(folder: Path) -> IdeficsProcessor:
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_file=str(folder / "tokenizer.json"),
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
        pad_token="<unk>",
        padding_side="left",
        additional_special_tokens=list(SPECIAL),
    )
    return IdeficsProcessor(IdeficsImageProcessorPil(image_size=28), tokenizer, image_size=28)


def test_ids_equal_the_golden_ones(llama: PromptTokenizer, golden_dir: Path) -> None:
    golden = json.loads((golden_dir / "golden.json").read_text())["idefics tokens"]
    before, after = golden["prompt"].split("<image>")
    assert list(llama.encode((Text(before), PICTURE, Text(after))).ids) == golden["ids"]


WORDS = st.sampled_from(
    ["User:", " a cat", "\n", " ", "  two  ", "", "</s>", "<end_of_utterance>", "<", ">", "naïve ☃"]
)
SEGMENTS = st.lists(st.one_of(WORDS, st.sampled_from([PICTURE, OTHER])), max_size=8)


def to_prompt(parts: list[str | Image]) -> Prompt:
    return build_prompt(Text(part) if isinstance(part, str) else part for part in parts)


@given(parts=SEGMENTS)
@settings(deadline=None, max_examples=60)
def test_ids_and_what_they_see_equal_the_processors(
    llama: PromptTokenizer, processor: IdeficsProcessor, parts: list[str | Image]
) -> None:
    prompt = to_prompt(parts)
    pieces = [part.source if isinstance(part, Image) else part.text for part in prompt] or [""]
    expected = processor(
        text=[pieces], add_end_of_utterance_token=False, padding="longest", return_tensors="pt"
    )
    encoded = llama.encode(prompt)
    assert list(encoded.ids) == expected["input_ids"][0].tolist()
    seen = [row.nonzero()[:, 0].tolist() for row in expected["image_attention_mask"][0]]
    assert [[] if image == NO_IMAGE else [image] for image in encoded.image_of_token] == seen


TEXTS = st.text(alphabet="<>/s image_fkotkenrud▁é\n", max_size=30)
LITERALS = st.lists(st.one_of(TEXTS, st.sampled_from(IMAGE_TOKENS)), max_size=4).map("".join)


@given(parts=st.lists(st.one_of(LITERALS, st.just(PICTURE)), max_size=6), bos=st.booleans())
@settings(deadline=None)
def test_there_are_as_many_image_tokens_as_pictures_whatever_a_text_says(
    llama: PromptTokenizer, parts: list[str | Image], bos: bool
) -> None:
    prompt = (*to_prompt(parts), PICTURE)
    encoded = llama.encode(prompt, bos=bos)
    assert encoded.ids.count(llama.image_id) == len(encoded.images)
    assert encoded.images == tuple(part for part in prompt if isinstance(part, Image))
    assert (encoded.ids[0] == 1) == bos or not bos


def test_a_text_that_spells_an_image_token_reads_as_plain_text(llama: PromptTokenizer) -> None:
    encoded = llama.encode((PICTURE, Text("An <image> tag.</s>And a <fake_token_around_image>.")))
    assert encoded.ids[:4] == (1, *(llama.encode((PICTURE,), bos=False).ids))
    assert encoded.ids.count(2) == 1
    assert llama.decode(encoded.ids[4:]) == "An <image> tag. And a <fake_token_around_image>."


def test_without_bos_only_the_first_id_is_gone(llama: PromptTokenizer) -> None:
    prompt = (Text("User:"), PICTURE, Text("a"))
    assert llama.encode(prompt, bos=False).ids == llama.encode(prompt).ids[1:]


def test_an_empty_prompt_is_an_error(llama: PromptTokenizer) -> None:
    assert llama.encode(()).ids == (1,)
    with pytest.raises(PromptError, match="empty"):
        llama.encode((), bos=False)


def test_a_newline_is_forbidden_as_the_pair_that_llama_writes(llama: PromptTokenizer) -> None:
    assert llama.encode_forbidden(["\n", *IMAGE_TOKENS]) == ((29871, 13), (32001,), (32000,))


def test_text_is_decoded_as_transformers_decodes_the_new_ids_alone(
    llama: PromptTokenizer, processor: IdeficsProcessor
) -> None:
    ids = [*llama.encode((Text(" two  dogs\n"),), bos=False).ids, 32002, 450, 2]
    assert llama.decode(ids) == processor.batch_decode([ids], skip_special_tokens=True)[0]
    assert llama.decode(ids, skip_special=False) == processor.batch_decode([ids])[0]
    assert not llama.decode([450]).startswith(" ")


def test_choices_are_tokenised_with_their_prompt(llama: PromptTokenizer) -> None:
    encoded = llama.encode_choices((PICTURE, Text("Answer:")), (" yes", " cats and dogs"))
    assert encoded.shared == llama.encode((PICTURE, Text("Answer:")))
    assert [llama.decode(choice.ids) for choice in encoded.continuations] == [
        "yes",
        "cats and dogs",
    ]
    assert all(set(choice.image_of_token) == {0} for choice in encoded.continuations)


def test_a_choice_that_merges_with_the_prompt_moves_the_start_for_all(
    llama: PromptTokenizer,
) -> None:
    prompt = (Text("A picture of a c"),)
    encoded = llama.encode_choices(prompt, ("at", " dog"))
    alone = llama.encode(prompt)
    assert encoded.num_prompt_tokens == len(alone.ids)
    assert encoded.shared.ids == alone.ids[:-1]
    assert [llama.decode(choice.ids) for choice in encoded.continuations] == ["cat", "c dog"]


def test_a_choice_with_nothing_before_it_is_an_error(llama: PromptTokenizer) -> None:
    with pytest.raises(PromptError, match="nothing stands before"):
        llama.encode_choices((Text("c"),), ("at",), bos=False)
    with pytest.raises(PromptError, match="empty"):
        llama.encode_choices((), ("cat",), bos=False)


def test_a_token_without_a_row_in_the_weights_is_an_error(base: Pair) -> None:
    with pytest.raises(PromptError, match="<end_of_utterance>"):
        base.ours.tokenizer.encode((Text("User: hello<end_of_utterance>"),))


def test_a_tokenizer_without_image_tokens_is_refused(folder: Path, tmp_path: Path) -> None:
    values = json.loads((folder / "tokenizer.json").read_text())
    values["added_tokens"] = values["added_tokens"][:3]
    (tmp_path / "tokenizer.json").write_text(json.dumps(values))
    with pytest.raises(CheckpointError, match=r"lacks tokens.*<image>, <fake_token_around_image>"):
        read_tokenizer(tmp_path, vocab_size=32002)


def test_a_tokenizer_of_another_checkpoint_is_refused(folder: Path) -> None:
    with pytest.raises(CheckpointError, match="different checkpoints"):
        read_tokenizer(folder, vocab_size=32001)


@pytest.mark.parametrize("token", ["<s>", {"content": "<s>", "special": True}])
def test_bos_and_eos_are_read_from_the_folder(
    folder: Path, tmp_path: Path, token: str | dict[str, object]
) -> None:
    (tmp_path / "tokenizer.json").write_bytes((folder / "tokenizer.json").read_bytes())
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"eos_token": token}))
    (tmp_path / "special_tokens_map.json").write_text(json.dumps({"bos_token": "</s>"}))
    swapped = read_tokenizer(tmp_path, vocab_size=32003)
    assert swapped.encode((Text("a"),)).ids[0] == 2
    assert swapped.eos_id == 1


@pytest.mark.parametrize(
    "content",
    ["{}", '{"version": "9"}', '{"version": "1.0", "model": {"type": "BPE", "vocab": 3}}'],
)
def test_a_tokenizer_that_is_none_is_named(content: str, tmp_path: Path) -> None:
    """Found by fuzzing: the library raises a bare Exception."""
    (tmp_path / "tokenizer.json").write_text(content)
    with pytest.raises(CheckpointError, match=r"tokenizer\.json is no tokenizer \(.*download it"):
        read_tokenizer(tmp_path, vocab_size=32003)


@pytest.mark.parametrize("bos", [["<s>"], {"text": "<s>"}, {"content": 5}, 7, "\ud800", "[" * 1000])
@pytest.mark.parametrize("name", ["tokenizer_config.json", "special_tokens_map.json"])
def test_a_token_that_is_no_text_is_named(
    folder: Path, bos: object, name: str, tmp_path: Path
) -> None:
    (tmp_path / "tokenizer.json").write_bytes((folder / "tokenizer.json").read_bytes())
    (tmp_path / name).write_text(json.dumps({"bos_token": bos}))
    with pytest.raises(CheckpointError, match=rf"{name}: bos_token is .*, not a token's text"):
        read_tokenizer(tmp_path, vocab_size=32003)


def test_an_unknown_token_that_is_unknown_itself_is_named(folder: Path, tmp_path: Path) -> None:
    """Found by fuzzing: such a tokenizer loads, and fails at the first text with a rare letter."""
    values = json.loads((folder / "tokenizer.json").read_text())
    values["model"]["unk_token"] = "<image>"
    (tmp_path / "tokenizer.json").write_text(json.dumps(values))
    with pytest.raises(CheckpointError, match=r"unknown token '<image>' is not in its vocabulary"):
        read_tokenizer(tmp_path, vocab_size=32003)
