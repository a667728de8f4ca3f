"""Prompts, byte for byte: golden files written by hand from the papers' templates, and properties.

A golden file's first line says whether the prompt starts with BOS; the rest, but for its final
newline, is the prompt, with pictures as `<IMG:name>`.
"""

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.demonstrations.plan import choose_by_rule
from evals.errors import ConfigError, PromptError
from evals.prompts import (
    Demonstration,
    PromptParts,
    build_parts,
    build_prompt,
    fit_prompt,
    hash_prompt,
    parse_template,
    word_choice,
)
from evals.protocols import load_protocol
from evals.types import Example, ExampleSet, Image, Kind, Prompt, Segment, Task, Text, Wording

GOLDEN = Path(__file__).parent / "golden_prompts"
PROTOCOLS = ("flamingo", "idefics", "idefics_instruct", "openflamingo")


def make_task(name: str, kind: Kind, *, choices: tuple[str, ...] = ()) -> Task:
    return Task(name, kind, lambda split, source: ExampleSet(()), (), choices)


def picture(name: str) -> Image:
    return Image(name.encode(), name)


def vqa(name: str, question: str, *answers: str, raw: tuple[str, ...] = ()) -> Example:
    return Example(name, picture(name), question, answers, raw)


def meme(name: str, text: str, label: int | None = None) -> Example:
    return Example(name, picture(name), text, label=label)


def caption(name: str, *captions: str) -> Example:
    return Example(name, picture(name), references=captions)


TASKS = {
    "vqav2": make_task("vqav2", "vqa"),
    "okvqa": make_task("okvqa", "vqa"),
    "textvqa": make_task("textvqa", "vqa"),
    "coco": make_task("coco", "caption"),
    "hateful_memes": make_task("hateful_memes", "classify", choices=("no", "yes")),
}
# Two support examples and a query of each. The first answer is not the most common one, and
# OK-VQA's released answers are stemmed, so that the protocols' choices show.
EXAMPLES = {
    "vqav2": (
        vqa("cat.jpg", "What is the cat wearing?", "shades", "sunglasses", "sunglasses"),
        vqa("bus.jpg", "How many buses are there?", "2", "2", "two"),
        vqa("dog.jpg", "Is the dog asleep?"),
    ),
    "okvqa": (
        vqa(
            "wave.jpg",
            "What sport is this?",
            *("surf", "surf", "swim"),
            raw=("surfing", "surfing", "swimming"),
        ),
        vqa(
            "cake.jpg",
            "What is this cake called?",
            *("pancak", "birthday cake", "birthday cake"),
            raw=("pancake", "birthday cake", "birthday cake"),
        ),
        vqa("oven.jpg", "What year was this invented?"),
    ),
    "textvqa": (
        vqa("sign.jpg", "what does the sign say?", "stop", "stop", "stop sign"),
        vqa("shirt.jpg", "what number is on the shirt?", "07", "7", "7"),
        vqa("can.jpg", "what brand is this?"),
    ),
    "coco": (
        caption("cat.jpg", "This is a cat wearing sunglasses."),
        caption("elephants.jpg", "Three elephants walking in the savanna."),
        caption("dog.jpg"),
    ),
    "hateful_memes": (
        meme("meme1.png", 'look who\'s "fine"', 0),
        meme("meme2.png", "love the way you smell", 1),
        meme("meme3.png", "nobody asked you"),
    ),
}


def write_out(prompt: Prompt, *, bos: bool) -> str:
    pieces = [f"<IMG:{s.name}>" if isinstance(s, Image) else s.text for s in prompt]
    return f"bos: {str(bos).lower()}\n{''.join(pieces)}\n"


def word(protocol_name: str, task_name: str, *, shots: int) -> str:
    protocol, task = load_protocol(protocol_name), TASKS[task_name]
    num_text_only = protocol.num_text_only(task, num_shots=shots)
    *support, query = EXAMPLES[task_name]
    choose = choose_by_rule(protocol.answer_rule(task), raw_answers=protocol.raw_answers, seed=0)
    shown = []
    for example in support[: num_text_only or shots]:
        index = choose(example)
        answers = example.shown_references if protocol.raw_answers else example.references
        answer = task.choices[index] if task.choices else answers[index]
        shown.append(Demonstration(example, answer, with_image=not num_text_only))
    wording = protocol.word(task)
    parts = build_parts(wording, shown, query, end_of_chunk=protocol.end_of_chunk)
    return write_out(parts.join(), bos=wording.bos)


@pytest.mark.parametrize("shots", [0, 2])
@pytest.mark.parametrize("task_name", TASKS)
@pytest.mark.parametrize("protocol_name", PROTOCOLS)
def test_prompts_equal_the_hand_written_ones(
    protocol_name: str, task_name: str, shots: int
) -> None:
    golden = (GOLDEN / protocol_name / f"{task_name}_{shots}shot.txt").read_text("utf-8")
    assert word(protocol_name, task_name, shots=shots) == golden


def test_every_golden_prompt_is_compared() -> None:
    names = {str(path.relative_to(GOLDEN)) for path in GOLDEN.rglob("*") if path.is_file()}
    assert names == {f"{p}/{t}_{k}shot.txt" for p in PROTOCOLS for t in TASKS for k in (0, 2)}


@pytest.mark.parametrize(
    ("protocol_name", "no", "yes"),
    [
        ("flamingo", " no", " yes"),
        ("idefics", " no", " yes"),
        ("idefics_instruct", " no.<end_of_utterance>", " yes.<end_of_utterance>"),
        ("openflamingo", "no", "yes"),
    ],
)
def test_a_choice_continues_the_query_as_the_protocol_writes_it(
    protocol_name: str, no: str, yes: str
) -> None:
    protocol, task = load_protocol(protocol_name), TASKS["hateful_memes"]
    words = [
        word_choice(protocol.word(task), choice, end_of_chunk=protocol.end_of_chunk)
        for choice in task.choices
    ]
    assert words == [no, yes]


@pytest.mark.parametrize("task_name", TASKS)
@pytest.mark.parametrize("protocol_name", PROTOCOLS)
def test_query_and_choice_together_are_a_demonstration(protocol_name: str, task_name: str) -> None:
    """A closed set is ranked on the very bytes that the demonstrations have taught.

    The end of the demonstration (a newline, the end of chunk) may follow.
    """
    protocol, task = load_protocol(protocol_name), TASKS[task_name]
    wording, example = protocol.word(task), EXAMPLES[task_name][0]
    parts = build_parts(
        wording, [Demonstration(example, "yes")], example, end_of_chunk=protocol.end_of_chunk
    )
    continuation = word_choice(wording, "yes", end_of_chunk=protocol.end_of_chunk)
    (*head, last), (*taught_head, taught) = parts.query, parts.demonstrations[0]
    assert isinstance(last, Text)
    assert isinstance(taught, Text)
    assert head == taught_head
    rest = taught.text.removeprefix(last.text).removeprefix(continuation)
    assert taught.text == last.text + continuation + rest
    assert rest in ("", "\n", "<end_of_utterance>\n", protocol.end_of_chunk, "<|endofchunk|>\n")


# ------------------------------------------------------------------------------- properties

# Field marks, pictures' marks, lone braces, and special tokens in the data must stay text.
HOSTILE = st.lists(
    st.one_of(
        st.sampled_from(
            ["<image>", "{answer}", "{question}", "{end_of_chunk}", "{", "}", "{{", "<EOC>", "\\"]
        ),
        st.text(max_size=5),
    ),
    max_size=6,
).map("".join)
SEGMENTS = st.lists(
    st.one_of(
        st.builds(Text, st.text(max_size=3)),
        st.integers(0, 3).map(lambda number: picture(str(number))),
    ),
    max_size=8,
)


def texts(prompt: Prompt) -> str:
    """A prompt in one string; pictures as a character that no strategy draws: a lone surrogate."""
    return "".join("\udcff" if isinstance(s, Image) else s.text for s in prompt)


def is_canonical(prompt: Prompt) -> bool:
    empty = any(isinstance(s, Text) and not s.text for s in prompt)
    adjacent = any(isinstance(a, Text) and isinstance(b, Text) for a, b in pairwise(prompt))
    return not empty and not adjacent


@given(SEGMENTS)
def test_a_prompt_has_no_empty_and_no_adjacent_texts_and_loses_nothing(
    segments: list[Segment],
) -> None:
    prompt = build_prompt(segments)
    assert is_canonical(prompt)
    assert texts(prompt) == texts(tuple(segments))
    assert [s for s in prompt if isinstance(s, Image)] == [
        s for s in segments if isinstance(s, Image)
    ]


@given(SEGMENTS, st.integers(0, 8))
def test_equal_prompts_compare_equal_however_they_were_put_together(
    segments: list[Segment], cut: int
) -> None:
    two_steps = build_prompt((*build_prompt(segments[:cut]), *build_prompt(segments[cut:])))
    assert two_steps == build_prompt(segments)
    assert hash_prompt(two_steps, bos=True) == hash_prompt(build_prompt(segments), bos=True)


@given(
    st.sampled_from(PROTOCOLS),
    st.sampled_from(list(TASKS)),
    st.lists(st.tuples(HOSTILE, HOSTILE, st.booleans()), max_size=3),
    HOSTILE,
)
def test_what_the_data_say_stays_text(
    protocol_name: str, task_name: str, shown: list[tuple[str, str, bool]], question: str
) -> None:
    """A question with `<image>` or `{answer}` in it is neither a picture nor a field.

    The prompt equals one that was made of single private characters, these then replaced.
    """
    protocol = load_protocol(protocol_name)
    wording = protocol.word(TASKS[task_name])

    def build(rows: list[tuple[str, str, bool]], asked: str) -> Prompt:
        demonstrations = [
            Demonstration(Example(str(n), picture(str(n)), q), answer, with_image=with_image)
            for n, (q, answer, with_image) in enumerate(rows)
        ]
        query = Example("query", picture("query"), asked)
        parts = build_parts(wording, demonstrations, query, end_of_chunk=protocol.end_of_chunk)
        return parts.join()

    prompt = build(shown, question)
    names = [s.name for s in prompt if isinstance(s, Image)]
    assert names == [str(n) for n, row in enumerate(shown) if row[2]] + ["query"]
    assert is_canonical(prompt)

    marks = [
        (chr(0xDC00 + 2 * n), chr(0xDC01 + 2 * n), with_image)
        for n, (_, _, with_image) in enumerate(shown)
    ]
    meaning = {0xDC80: question}
    for (asked_mark, answer_mark, _), (asked, answer, _) in zip(marks, shown, strict=True):
        meaning |= {ord(asked_mark): asked, ord(answer_mark): answer}
    assert texts(prompt) == texts(build(marks, "\udc80")).translate(meaning)


def count_letters(prompt: Prompt) -> int:
    return sum(7 if isinstance(s, Image) else len(s.text) for s in prompt)


@given(st.lists(st.tuples(HOSTILE, HOSTILE), max_size=5), st.integers(0, 400))
def test_dropping_takes_text_and_picture_together_from_the_front(
    shown: list[tuple[str, str]], spare: int
) -> None:
    wording = load_protocol("idefics").word(TASKS["vqav2"])
    demonstrations = [
        Demonstration(Example(str(n), picture(str(n)), asked), answer)
        for n, (asked, answer) in enumerate(shown)
    ]
    query = Example("query", picture("query"), "Why?")
    parts = build_parts(wording, demonstrations, query)
    bare = count_letters((*parts.prefix, *parts.query))
    fitted = fit_prompt(parts, count_letters, max_tokens=bare + spare, request_id="query")

    kept = demonstrations[fitted.num_dropped :]
    assert fitted.prompt == build_parts(wording, kept, query).join()
    assert fitted.num_tokens == count_letters(fitted.prompt) <= bare + spare
    if fitted.num_dropped:
        longer = parts.join(num_dropped=fitted.num_dropped - 1)
        assert count_letters(longer) > bare + spare, "no more is dropped than must be"
    images = [s for s in fitted.prompt if isinstance(s, Image)]
    assert len(images) == len(kept) + 1
    first, last = fitted.prompt[0], fitted.prompt[-1]
    assert isinstance(first, Text)
    assert isinstance(last, Text)
    assert first.text.startswith(wording.prefix)
    assert last.text == "Question: Why? Answer:"


# ------------------------------------------------------------------------------- single facts


def test_a_query_that_does_not_fit_alone_is_an_error_that_names_it() -> None:
    parts = PromptParts((), ((Text("shown "),),), (Text("a long query"),))
    with pytest.raises(PromptError, match=r"query 42: its prompt has 12 tokens .* 11 are left"):
        fit_prompt(parts, count_letters, max_tokens=11, request_id="42")
    assert fit_prompt(parts, count_letters, max_tokens=12, request_id="42").num_dropped == 1
    assert fit_prompt(parts, count_letters, max_tokens=18, request_id="42").num_dropped == 0


def test_an_example_without_its_picture_is_refused_where_the_prompt_shows_it() -> None:
    wording = Wording("<image>{question} {answer}", text_only="{question} {answer}")
    blind = Example("7", None, "Why?", ("because",))
    with pytest.raises(PromptError, match="example 7 was loaded without its picture"):
        build_parts(wording, [], blind)
    query = Example("8", picture("8"), "How?")
    with pytest.raises(PromptError, match="example 7"):
        build_parts(wording, [Demonstration(blind, "because")], query)
    text_only = build_parts(wording, [Demonstration(blind, "because", with_image=False)], query)
    assert text_only.demonstrations == ((Text("Why? because"),),)


def test_an_unknown_field_of_a_template_is_an_error_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"unknown field \{caption\}; known are \{question\}"):
        parse_template("<image>Caption: {caption}")


def test_literal_text_around_a_choice_is_kept_whatever_it_reads() -> None:
    """A literal ` answer ` was once taken for the field, its first and last letter aside."""
    wording = Wording("{answer}", "{answer}", choice=" answer {answer} question ")
    assert word_choice(wording, "yes") == " answer yes question "
    odd = Wording("{answer", "{answer", choice="{answer{answer}")
    assert word_choice(odd, "yes") == "{answeryes"
    query = Example("1", picture("1"), "Why?")
    assert build_parts(Wording("{question!", ""), [], query).query == (Text("{question!"),)
    assert word_choice(Wording("", "", choice="<image>{answer}"), "yes") == "<image>yes"


def test_a_prompts_hash_knows_bos_texts_and_the_pictures_bytes(tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    file.write_bytes(b"pixels")
    prompt = (Image(file), Text("a"))
    same = (Image(b"pixels", "elsewhere"), Text("a"))
    assert hash_prompt(prompt, bos=True) == hash_prompt(same, bos=True)
    others = [
        hash_prompt(prompt, bos=False),
        hash_prompt((Image(b"other"), Text("a")), bos=True),
        hash_prompt((Text("a"), Image(b"pixels")), bos=True),
        hash_prompt((Text("a"),), bos=True),
        hash_prompt((Text(Image(b"pixels").sha256), Text("a")), bos=True),
        hash_prompt((Image(b"pixels"), Text("\ud800")), bos=True),
    ]
    assert len({hash_prompt(prompt, bos=True), *others}) == len(others) + 1
