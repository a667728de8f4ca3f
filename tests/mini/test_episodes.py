from pathlib import Path
from random import Random

import pytest

from evals.mini.episodes import OTHER_NAMES, build_episode, deal_teams, flatten_prompt
from evals.mini.examples import MINIS, MiniTask
from evals.mini.okvqa import TEAMS
from evals.prompts import Demonstration, build_parts
from evals.protocols import list_protocols, load_protocol
from evals.types import Example, Image, Text

BY_NAME = {mini.name: mini for mini in MINIS}
IMG = "<fake_token_around_image><image><fake_token_around_image>"


def make_vqa(number: int, answer: str) -> Example:
    return Example(
        id=str(number),
        image=Image(Path(f"{number}.jpg")),
        question=f"What is {number}?",
        references=(answer,) * 10,
    )


EXAMPLES = [make_vqa(number, answer) for number, answer in enumerate(("red", "2", "a cat"))]


def answers_of(text: str, spans: tuple[tuple[int, int], ...]) -> list[str]:
    return [text[start:end] for start, end in spans]


def test_an_idefics_episode_is_the_prompt_in_its_exact_bytes_and_the_answer() -> None:
    episode = build_episode(
        BY_NAME["vqav2"],
        load_protocol("idefics"),
        shown=EXAMPLES[:2],
        query=EXAMPLES[2],
        rng=Random(0),
    )
    assert episode.text == (
        "<s>Instruction: provide an answer to the question. Use the image to answer.\n"
        f"Image:{IMG}Question: What is 0? Answer: red\n"
        f"Image:{IMG}Question: What is 1? Answer: 2\n"
        f"Image:{IMG}Question: What is 2? Answer: a cat"
    )
    assert answers_of(episode.text, episode.answers) == [" red", " 2", " a cat"]
    assert episode.images == (Path("0.jpg"), Path("1.jpg"), Path("2.jpg"))


def test_text_only_demonstrations_are_shown_without_pictures() -> None:
    episode = build_episode(
        BY_NAME["vqav2"],
        load_protocol("idefics"),
        shown=EXAMPLES[:2],
        query=EXAMPLES[2],
        rng=Random(0),
        text_only=True,
    )
    assert "Image:Question: What is 0? Answer: red\n" in episode.text
    assert answers_of(episode.text, episode.answers) == [" red", " 2", " a cat"]
    assert episode.images == (Path("2.jpg"),)


def test_instruct_answers_include_the_end_of_utterance() -> None:
    meme = Example(id="1", image=Image(Path("1.png")), question="hello", label=1)
    episode = build_episode(
        BY_NAME["hateful_memes"],
        load_protocol("idefics_instruct"),
        shown=[meme],
        query=meme,
        rng=Random(0),
    )
    assert answers_of(episode.text, episode.answers) == [" yes.<end_of_utterance>"] * 2


@pytest.mark.parametrize("name", list_protocols())
@pytest.mark.parametrize("mini", MINIS, ids=lambda mini: mini.name)
def test_what_stands_before_the_last_answer_is_what_a_run_sends(
    mini: MiniTask, name: str, mini_root: Path
) -> None:
    protocol = load_protocol(name)
    *shown, query = mini.read(mini_root / mini.name, "train")[:5]
    episode = build_episode(mini, protocol, shown=shown, query=query, rng=Random(0))
    wording = protocol.word(mini.task)
    opened = episode.text[: episode.answers[-1][0]]
    texts = [episode.text[start:end] for start, end in episode.answers[:-1]]
    demonstrations = [
        Demonstration(example, text.partition("<end_of_utterance>")[0].strip())
        for example, text in zip(shown, texts, strict=True)
    ]
    if mini.kind == "classify" and name == "idefics_instruct":
        demonstrations = [
            Demonstration(each.example, each.answer.rstrip(".")) for each in demonstrations
        ]
    parts = build_parts(wording, demonstrations, query, end_of_chunk=protocol.end_of_chunk)
    assert flatten_prompt(parts.join(), bos=wording.bos) == opened


def test_renaming_holds_for_the_whole_episode() -> None:
    names = {"red": "blue", "a cat": "a dog"}
    episode = build_episode(
        BY_NAME["vqav2"],
        load_protocol("idefics"),
        shown=EXAMPLES[:2],
        query=EXAMPLES[2],
        rng=Random(0),
        renamed=names,
    )
    assert answers_of(episode.text, episode.answers) == [" blue", " 2", " a dog"]


def test_teams_keep_their_colour_and_are_dealt_other_names_in_both_forms() -> None:
    deals = [deal_teams(Random(seed)) for seed in range(400)]
    own = [team.split()[1] for team in TEAMS.values()]
    for deal in deals:
        assert {old.split()[0] for old in deal} == set(TEAMS)
        assert all(old.split()[0] == new.split()[0] for old, new in deal.items())
        assert all(deal[team[:-1]] == deal[team][:-1] for team in TEAMS.values())
    dealt = [{deal[team].split()[1] for team in TEAMS.values()} for deal in deals]
    assert set.union(*dealt) == {*own, *OTHER_NAMES}
    assert {len(names) for names in dealt} == {4}


def test_pictures_in_a_row_share_a_fake_token() -> None:
    image = Image(Path("1.jpg"))
    text = flatten_prompt((Text(" a "), image, image, Text(" b")), bos=True)
    fake = "<fake_token_around_image>"
    assert text == f"<s>a{fake}<image>{fake}<image>{fake}b"
