"""Protocols: the shipped values against the papers, truncation on tricky texts, users' mistakes.

Sources: OBELICS (arXiv:2306.16527) A.4.4 and Table 11, Flamingo (arXiv:2204.14198), OpenFlamingo
(arXiv:2308.01390) and its code at 655f693.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from evals.errors import ConfigError
from evals.protocol_changes import find_changes
from evals.protocols import (
    AnswerRule,
    ClassScore,
    Priming,
    Truncation,
    list_protocols,
    load_protocol,
    parse_protocol,
)
from evals.resources import configs_dir
from evals.types import ExampleSet, Kind, Task, Wording

PROTOCOLS = ("flamingo", "idefics", "idefics_instruct", "openflamingo")


def make_task(name: str, kind: Kind, **settings: Any) -> Task:
    return Task(name, kind, lambda split, source: ExampleSet(()), (), **settings)


VQAV2, OKVQA, TEXTVQA = (make_task(name, "vqa") for name in ("vqav2", "okvqa", "textvqa"))
COCO = make_task("coco", "caption")
MEMES = make_task("hateful_memes", "classify", choices=("no", "yes"))
TASKS = (VQAV2, OKVQA, TEXTVQA, COCO, MEMES)


def shipped_values(name: str) -> dict[str, Any]:
    values: dict[str, Any] = yaml.safe_load(
        (configs_dir() / "protocol" / f"{name}.yaml").read_text()
    )
    return values


# ------------------------------------------------------------------------- truncation


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (" sunglasses\nImage:", "sunglasses"),
        (" 2 Question: how", "2"),
        (" a Whatever", "a"),  # a stop word ends the text inside a word, too
        (" multitasking", "multi"),
        (" HowQuestion", ""),
        (" what a user", "what a user"),  # case-sensitive
        (" red, blue", "red, blue"),  # no cut at commas
        (' "yes"', '"yes"'),
        ("", ""),
        (" Answer: yes", "Answer: yes"),  # not one of Table 11's stop words
        (" Caption Description", "Caption Description"),  # captions' stop words only
    ],
)
def test_idefics_cuts_answers_at_the_first_stop_word(text: str, answer: str) -> None:
    assert load_protocol("idefics").truncate(VQAV2, text) == answer


@pytest.mark.parametrize(
    ("text", "caption"),
    [
        (" a dog asleep.Image:", "a dog asleep."),
        (" a dog. Caption: a cat", "a dog."),
        (" What a day, How nice", "What a day, How nice"),  # VQA's stop words only
        (' a sign, "stop"', 'a sign, "stop"'),
        (" a dog Description task", "a dog"),
    ],
)
def test_idefics_cuts_captions_at_their_own_stop_words(text: str, caption: str) -> None:
    assert load_protocol("idefics").truncate(COCO, text) == caption


@pytest.mark.parametrize("task", [VQAV2, COCO])
def test_an_instruct_answer_also_ends_with_the_utterance(task: Task) -> None:
    protocol = load_protocol("idefics_instruct")
    assert protocol.truncate(task, " a dog<end_of_utterance>\nUser: and") == "a dog"
    assert protocol.truncate(task, " a dog\nUser: and<end_of_utterance>") == "a dog"


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (" sunglasses<EOC><image> Question: x", "sunglasses"),
        (" sunglasses Question: x", "sunglasses"),
        (" red, blue Answer: x<EOC>", "red, blue"),
        (" the Outputs", "the"),
        (" output question", "output question"),
        (" <EO C>", "<EO C>"),
    ],
)
def test_flamingo_cuts_at_end_of_chunk_and_before_the_prompts_keywords(
    text: str, answer: str
) -> None:
    assert load_protocol("flamingo").truncate(VQAV2, text) == answer
    assert load_protocol("flamingo").truncate(COCO, text) == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("red<|endofchunk|>\nblue", "red"),
        ("red, blue", "red"),
        ("1,000", "1,000"),  # only a comma that a space follows
        ("red,blue", "red,blue"),
        (", red", ""),
        ("red Short, blue", "red"),
        ("Shorts", ""),
        ("a short one", "a short one"),
        ("red, Question", "red"),
        ("red Output", "red Output"),
        ('"red"', '"red"'),  # quotes go from captions only
    ],
)
def test_openflamingo_cuts_answers_at_keywords_then_at_a_comma(text: str, answer: str) -> None:
    assert load_protocol("openflamingo").truncate(OKVQA, text) == answer


@pytest.mark.parametrize(
    ("text", "caption"),
    [
        ('a "red" sign<|endofchunk|>\nOutput', "a red sign"),
        ("a dog, asleep Output:", "a dog, asleep"),
        ("a Question of Short Answers", "a Question of Short Answers"),
        ("an output", "an output"),
        ("a dog's “bed”", "a dog's “bed”"),
    ],
)
def test_openflamingo_cuts_captions_before_output_and_removes_quotes(
    text: str, caption: str
) -> None:
    assert load_protocol("openflamingo").truncate(COCO, text) == caption


@given(st.sampled_from(PROTOCOLS), st.sampled_from([VQAV2, OKVQA, TEXTVQA, COCO]), st.data())
def test_an_answer_holds_no_stop_string_and_is_truncated_once_and_for_all(
    name: str, task: Task, data: st.DataObject
) -> None:
    protocol = load_protocol(name)
    stop = protocol.decode(task).stop
    pieces = st.sampled_from([*stop, "Output", "Answer", "Short", ", ", '"', " a", "dog"])
    text = data.draw(st.lists(st.one_of(pieces, st.text(max_size=4)), max_size=6).map("".join))
    answer = protocol.truncate(task, text)
    assert not any(word in answer for word in stop)
    assert protocol.truncate(task, answer) == answer
    assert answer == answer.strip()


def test_the_earliest_stop_string_cuts_whatever_their_order() -> None:
    assert Truncation().apply("ab cd ef", stop=("ef", "cd")) == "ab"
    assert Truncation(patterns=("e", "c")).apply("ab cd ef") == "ab"
    assert Truncation(remove="ab").apply("abba cab") == "c"


# ------------------------------------------------------------------------- the papers' values


@pytest.mark.parametrize("name", ["idefics", "idefics_instruct"])
def test_idefics_decodes_greedily_with_newlines_and_images_forbidden(name: str) -> None:
    for task in (VQAV2, OKVQA, TEXTVQA, COCO):
        decoding = load_protocol(name).decode(task)
        assert (decoding.num_beams, decoding.max_new_tokens) == (1, 15)
        assert set(decoding.forbidden) == {"\n", "\n\n", "<image>", "<fake_token_around_image>"}
        assert decoding.eos is None


def test_idefics_stop_words_are_those_of_table_11() -> None:
    protocol = load_protocol("idefics")
    vqa = {"Question", "User", "Image", "task", "What", "Who", "When", "Where", "Why", "How"}
    caption = {"Caption", "Description", "User", "Image", "task"}
    assert set(protocol.decode(VQAV2).stop) == vqa
    assert set(protocol.decode(COCO).stop) == caption
    instruct = load_protocol("idefics_instruct")
    assert set(instruct.decode(VQAV2).stop) == vqa | {"<end_of_utterance>"}
    assert set(instruct.decode(COCO).stop) == caption | {"<end_of_utterance>"}


@pytest.mark.parametrize(
    ("name", "task", "max_new_tokens", "stop"),
    [
        ("openflamingo", VQAV2, 5, "<|endofchunk|>"),
        ("openflamingo", OKVQA, 5, "<|endofchunk|>"),
        ("openflamingo", TEXTVQA, 10, "<|endofchunk|>"),
        ("openflamingo", COCO, 20, "<|endofchunk|>"),
        ("flamingo", VQAV2, None, "<EOC>"),
        ("flamingo", COCO, None, "<EOC>"),
    ],
)
def test_the_flamingos_search_three_beams_up_to_the_end_of_chunk(
    name: str, task: Task, max_new_tokens: int | None, stop: str
) -> None:
    decoding = load_protocol(name).decode(task)
    assert decoding.num_beams == 3
    assert decoding.length_penalty == 0.0
    assert decoding.stop == (stop,)
    assert "\n" not in decoding.forbidden
    if max_new_tokens is not None:  # Flamingo does not state its own
        assert decoding.max_new_tokens == max_new_tokens


@pytest.mark.parametrize(
    ("name", "scores"),
    [
        ("flamingo", ("official", "official", "official", "cider", "roc_auc")),
        ("idefics", ("official", "raw_answers", "official", "cider", "roc_auc_hard_labels")),
        (
            "idefics_instruct",
            ("official", "raw_answers", "official", "cider", "roc_auc_hard_labels"),
        ),
        (
            "openflamingo",
            ("normalised", "openflamingo_stemmed", "normalised", "cider", "roc_auc"),
        ),
    ],
)
def test_the_headline_is_the_papers(name: str, scores: tuple[str, ...]) -> None:
    assert tuple(load_protocol(name).headline_score(task) for task in TASKS) == scores


@pytest.mark.parametrize("name", PROTOCOLS)
def test_zero_shots_are_primed_with_two_texts_where_the_paper_did(name: str) -> None:
    protocol = load_protocol(name)
    closed = 2 if name == "openflamingo" else 0
    assert [protocol.num_text_only(task, num_shots=0) for task in TASKS] == [2, 2, 2, 2, closed]
    assert all(protocol.num_text_only(task, num_shots=k) == 0 for task in TASKS for k in (1, 4, 32))
    unprimed = replace(protocol, priming=Priming.NONE)
    assert all(unprimed.num_text_only(task, num_shots=0) == 0 for task in TASKS)
    assert find_changes(unprimed, VQAV2) == ("priming",)
    assert protocol.priming_fixed == (name != "openflamingo")


def test_demonstrations_show_the_papers_answers() -> None:
    for name in ("idefics", "idefics_instruct"):
        assert load_protocol(name).answer_rule(OKVQA) is AnswerRule.MOST_COMMON
        assert load_protocol(name).answer_rule(COCO) is AnswerRule.RANDOM
        assert load_protocol(name).raw_answers
    openflamingo = load_protocol("openflamingo")
    assert openflamingo.answer_rule(OKVQA) is AnswerRule.FIRST
    assert openflamingo.answer_rule(COCO) is AnswerRule.FIRST
    assert not openflamingo.raw_answers


def test_classes_are_scored_and_ensembled_as_the_papers_did() -> None:
    values = {n: (load_protocol(n).class_score, load_protocol(n).num_orders) for n in PROTOCOLS}
    assert values.pop("openflamingo") == (ClassScore.MEAN, 6)
    assert set(values.values()) == {(ClassScore.SUM, 1)}


def test_a_prompts_length_is_the_protocols_or_the_models_whichever_is_less() -> None:
    idefics = load_protocol("idefics")
    assert idefics.token_limit(COCO, model_limit=2048) == 1024
    assert idefics.token_limit(VQAV2, model_limit=4096) == 2048
    assert idefics.token_limit(MEMES, model_limit=4096) == 2048
    assert idefics.token_limit(COCO, model_limit=512) == 512
    for name in ("flamingo", "openflamingo"):
        assert load_protocol(name).token_limit(COCO, model_limit=4096) == 4096


def test_bos_starts_every_prompt_but_idefics_hateful_memes() -> None:
    without = {
        (n, task.name) for n in PROTOCOLS for task in TASKS if not load_protocol(n).word(task).bos
    }
    assert without == {("idefics", "hateful_memes")}


@pytest.mark.parametrize("name", PROTOCOLS)
def test_no_template_writes_the_bos_token_itself(name: str) -> None:
    for wording in load_protocol(name).wording.values():
        assert "<s>" not in wording.prefix + wording.example + wording.text_only + wording.choice


@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_text_only_demonstration_is_the_example_without_its_picture(name: str) -> None:
    for wording in load_protocol(name).wording.values():
        assert wording.text_only == wording.example.replace("<image> ", "").replace("<image>", "")
        assert wording.example.count("<image>") == wording.example.count("{answer}") == 1


# ------------------------------------------------------------------------- settings and mistakes


def test_the_four_protocols_are_shipped() -> None:
    assert list_protocols() == PROTOCOLS
    for task in TASKS:
        assert all(find_changes(load_protocol(name), task) == () for name in PROTOCOLS)


def test_a_protocol_that_is_not_shipped_is_an_error_with_those_that_are() -> None:
    with pytest.raises(ConfigError, match="no protocol idefix; there are flamingo, idefics, "):
        load_protocol("idefix")


def test_a_changed_protocol_says_in_what() -> None:
    values = shipped_values("openflamingo") | {"class_score": "sum", "num_orders": 1}
    assert find_changes(parse_protocol(values), VQAV2) == ("class_score", "num_orders")
    assert find_changes(parse_protocol(values | {"name": "mine"}), VQAV2) == ()


def test_a_task_is_described_by_what_concerns_it_alone() -> None:
    """So a change for TextVQA leaves a finished VQAv2 run what it is."""
    values = shipped_values("openflamingo")
    values["decoding"]["textvqa"]["max_new_tokens"] = 11
    shipped, changed = load_protocol("openflamingo"), parse_protocol(values)
    assert [t.name for t in TASKS if changed.describe(t) != shipped.describe(t)] == ["textvqa"]
    assert changed.describe(TEXTVQA)["decoding"]["max_new_tokens"] == 11
    own = make_task("vqav2", "vqa", wording={"openflamingo": Wording("<image>{answer}", "")})
    assert changed.describe(own) != shipped.describe(VQAV2)
    for task in TASKS:
        described = json.loads(json.dumps(shipped.describe(task)))
        assert described.get("class_score") == ("mean" if task.choices else None)
        assert ("decoding" in described) is not bool(task.choices)


def test_what_is_at_its_default_is_left_out_of_what_is_described() -> None:
    """So a setting that is added later changes no hash."""
    described = load_protocol("idefics").describe(VQAV2)
    assert set(described) == {"name", "wording", "max_tokens", "decoding"}
    assert set(described["decoding"]) == {"max_new_tokens", "stop", "forbidden"}
    assert set(described["wording"]) == {"example", "text_only", "prefix"}
    values = shipped_values("idefics")
    values["decoding"]["vqa"]["num_beams"] = 1
    assert parse_protocol(values).describe(VQAV2) == described
    values["decoding"]["vqa"]["num_beams"] = 3
    assert parse_protocol(values).describe(VQAV2)["decoding"]["num_beams"] == 3


def test_end_tokens_can_be_given_and_are_the_checkpoints_otherwise() -> None:
    values = shipped_values("idefics")
    values["decoding"]["vqa"]["eos"] = [2, 32002]
    protocol = parse_protocol(values)
    assert protocol.decode(VQAV2).eos == (2, 32002)
    assert protocol.decode(COCO).eos is None


def test_the_end_of_chunk_can_be_another_text_or_none() -> None:
    values = shipped_values("flamingo")
    newline = parse_protocol(values | {"end_of_chunk": "\n"})
    assert newline.decode(VQAV2).stop == ("\n",)
    assert newline.truncate(VQAV2, " red\nblue") == "red"
    nothing = parse_protocol(values | {"end_of_chunk": ""})
    assert nothing.decode(VQAV2).stop == (), "an empty stop string would cut everything"
    assert nothing.truncate(VQAV2, " red") == "red"


def test_a_tasks_own_entry_goes_before_its_kinds() -> None:
    protocol = load_protocol("openflamingo")
    assert protocol.word(MEMES) is protocol.wording["hateful_memes"]
    own = Wording("<image>{answer}", "{answer}")
    task = make_task("shapes", "classify", wording={"openflamingo": own})
    assert protocol.word(task) is own
    assert protocol.headline_score(task) == "accuracy"


def test_a_task_that_the_protocol_cannot_word_or_decode_is_an_error_with_the_way_out() -> None:
    task = make_task("shapes", "classify")
    with pytest.raises(ConfigError, match=r"no wording for task shapes .* protocol wording.shapes"):
        load_protocol("idefics").word(task)
    with pytest.raises(ConfigError, match=r"give protocol.decoding.shapes"):
        load_protocol("idefics").decode(task)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"beams": 3}, "unknown beams; known: .*decoding"),
        ({"class_score": "median"}, "protocol idefics: 'median' is not a valid ClassScore"),
        ({"priming": "pictures"}, "'pictures' is not a valid Priming"),
        ({"demonstration_answer": {"vqa": "longest"}}, "'longest' is not a valid AnswerRule"),
        ({"wording": {"vqa": {"example": "x"}}}, "text_only"),
        ({"decoding": {"vqa": {"max_new_tokens": 5, "beams": 3}}}, "beams"),
        ({"decoding": {"vqa": {"max_new_tokens": 5, "stop": "Question"}}}, "stop is a list"),
        ({"decoding": {"vqa": {"max_new_tokens": 5, "forbidden": "\n"}}}, "forbidden is a list"),
        ({"decoding": None}, "protocol idefics"),
        ({"truncation": {"vqa": {"pattern": ["Question"]}}}, "pattern"),
        ({"truncation": {"vqa": {"patterns": "Question"}}}, r"write \['Question'\]"),
        ({"truncation": {"vqa": {"patterns": ["Question|("]}}}, r"pattern 'Question\|\('"),
    ],
)
def test_a_mistaken_setting_is_one_clear_error(changes: Mapping[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_protocol(shipped_values("idefics") | changes)


def test_a_missing_setting_is_an_error_that_names_it() -> None:
    values = shipped_values("idefics")
    del values["headline"]
    with pytest.raises(ConfigError, match="headline"):
        parse_protocol(values)
