"""Training episodes: prompts in the protocols' exact bytes, with every answer marked.

An episode is what a run would send (zero to eight demonstrations and a query) followed by the
query's answer. Every answer is learnt, not the query's alone, which makes nine lessons of an
eight-shot prompt; and after each answer the model is to end (EOS), whatever the
demonstrations go on with, so that a generated answer ends cleanly.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from random import Random

from evals.mini.examples import MiniTask
from evals.mini.okvqa import TEAMS, stem_answer
from evals.prompts import Demonstration, build_parts
from evals.protocols import AnswerRule, Protocol
from evals.types import Example, Image, Prompt, Wording

FAKE, IMAGE, END_OF_UTTERANCE = "<fake_token_around_image>", "<image>", "<end_of_utterance>"

OTHER_NAMES = (
    "tigers", "eagles", "bulls", "rams", "cobras", "ravens", "falcons", "panthers", "hornets",
    "dolphins", "rockets", "pirates",
)  # fmt: skip
"""Names that no picture of the data set has: dealt out in training only."""


@dataclass(frozen=True, slots=True)
class Episode:
    task: str
    text: str
    """The whole sequence, image tokens and BOS included."""
    answers: tuple[tuple[int, int], ...]
    """Where in `text` an answer to be learnt begins and ends; the query's is the last."""
    images: tuple[Path, ...]
    """The pictures in the order of their `<image>` tokens."""


def build_episode(
    mini: MiniTask,
    protocol: Protocol,
    *,
    shown: Sequence[Example],
    query: Example,
    rng: Random,
    text_only: bool = False,
    renamed: Mapping[str, str] | None = None,
) -> Episode:
    """Word an episode: `shown` are its demonstrations, without their pictures if `text_only`.

    `renamed` replaces answers throughout the episode. The text is put together example by example,
    which is the run's prompt as long as no template begins or ends with a space.
    """
    wording = protocol.word(mini.task)
    word = partial(build_parts, end_of_chunk=protocol.end_of_chunk)
    text = flatten_prompt(word(wording, [], query).prefix, bos=wording.bos)
    answers, images = [], []
    for example in (*shown, query):
        answer = choose_answer(mini, protocol, example, rng=rng)
        each = Demonstration(example, (renamed or {}).get(answer, answer))
        if text_only and example is not query:
            said = replace(wording, example=wording.text_only)
        else:
            said = wording
            images.append(_path(example.image))
        opened = text + flatten_prompt(word(said, [], example).query)
        finished = text + flatten_prompt(word(_cut(said), [each], example).demonstrations[0])
        answers.append((len(opened), len(finished)))
        text += flatten_prompt(word(said, [each], example).demonstrations[0])
    return Episode(mini.name, finished, tuple(answers), tuple(images))


def choose_answer(mini: MiniTask, protocol: Protocol, example: Example, *, rng: Random) -> str:
    """Return the answer that the protocol's demonstrations show."""
    if example.label is not None:
        return mini.choices[example.label]
    answers = example.shown_references if protocol.raw_answers else example.references
    match protocol.answer_rule(mini.task):
        case AnswerRule.MOST_COMMON:
            return Counter(answers).most_common(1)[0][0]
        case AnswerRule.FIRST:
            return answers[0]
        case AnswerRule.RANDOM:
            return rng.choice(answers)


def deal_teams(rng: Random) -> dict[str, str]:
    """Return OK-VQA's teams -> teams of other names, in both forms that its answers have."""
    names = rng.sample([*(team.split()[1] for team in TEAMS.values()), *OTHER_NAMES], len(TEAMS))
    dealt = {
        team: f"{color} {name}" for (color, team), name in zip(TEAMS.items(), names, strict=True)
    }
    return dealt | {stem_answer(old): stem_answer(new) for old, new in dealt.items()}


def flatten_prompt(prompt: Prompt, *, bos: bool = False) -> str:
    """Write a prompt as IdeficsProcessor does: texts stripped of spaces, fakes around images."""
    text = "<s>" if bos else ""
    for segment in prompt:
        if isinstance(segment, Image):
            text = text.removesuffix(FAKE) + FAKE + IMAGE + FAKE
        else:
            text += segment.text.strip(" ")
    return text


def _cut(wording: Wording) -> Wording:
    """End a demonstration with its answer, or with the `<end_of_utterance>` that closes it."""
    head, _, tail = wording.example.partition("{answer}")
    closing, mark, _ = tail.partition(END_OF_UTTERANCE)
    return replace(wording, example=f"{head}{{answer}}{closing + mark if mark else ''}")


def _path(image: Image | None) -> Path:
    assert image is not None
    assert isinstance(image.source, Path)
    return image.source
