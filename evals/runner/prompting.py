"""A run's prompts, worded as they are sent; and where the prompts of two runs part."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from tempfile import TemporaryDirectory

from evals.config import TaskSettings, read_settings
from evals.demonstrations import Plan, read_plan
from evals.records import Record, read_records
from evals.runner.loading import Run, load_run
from evals.runner.planning import make_plan, shows_most_similar_last
from evals.runner.requests import Asked, Asking, ask, find_room, put_kept_together, word_once
from evals.runner.session import Progress, Session
from evals.store import PLAN
from evals.types import Image, Prompt


def make_asking(run: Run, plan: Plan, session: Session, *, room: int) -> Asking:
    """Return what is the same for all queries of a run; `room` is what a prompt may have."""
    protocol = session.settings.protocol
    return Asking(
        task=run.task,
        protocol=protocol,
        wording=protocol.word(run.task),
        support={example.id: example for example in run.support.examples},
        seed=run.seed,
        text_only=run.plan.text_only,
        most_similar_last=shows_most_similar_last(plan),
        room=room,
    )


def word_prompts(session: Session, task: TaskSettings, *, shots: int, seed: int) -> Iterator[Asked]:
    """Yield what would be asked for each query of a run; nothing is asked or kept."""
    run = load_run(session, task, shots=shots, seed=seed, with_images=True)
    with TemporaryDirectory() as folder:
        path = Path(folder) / PLAN
        wanted = {query.id for query in run.queries}
        plan = make_plan(path, run.plan, run.split, run.support.examples, session, wanted=wanted)
        room = find_room(run.task, session.settings.protocol, session.model)
        asking = make_asking(run, plan, session, room=room)
        word = word_once(asking)
        for query in run.queries:
            yield ask(query, plan[query.id].demonstrations, asking, session.model, word)


def print_prompt(prompt: Prompt, *, bos: bool) -> str:
    """Return a prompt to read: pictures as `<IMG:file name>`, nothing else added."""
    pieces = [_name(part) if isinstance(part, Image) else part.text for part in prompt]
    return ("<s>" if bos else "") + "".join(pieces)


@dataclass(frozen=True, slots=True)
class Parting:
    """A query whose prompt is another in another run."""

    query_id: str
    common: str
    """What both begin with."""
    rests: tuple[str, str]
    """How each goes on."""


@dataclass(frozen=True, slots=True)
class PromptDiff:
    num_equal: int
    partings: tuple[Parting, ...]
    only: tuple[tuple[str, ...], tuple[str, ...]]
    """Queries that only the one or only the other run has answered."""


def diff_prompts(one: Path, other: Path, progress: Progress) -> PromptDiff:
    """Compare the prompts of two runs, query by query: by their recorded hashes, and then words.

    The words are made again from each run's settings, data and plan; no model is loaded.

    Raises:
        ResultsError: a folder is no run.
        DataError: a run's data are not where they were.
    """
    sides = [{record.id: record for record in read_records(path)} for path in (one, other)]
    both = [query_id for query_id in sides[0] if query_id in sides[1]]
    parted = [
        query_id
        for query_id in both
        if sides[0][query_id].prompt_sha256 != sides[1][query_id].prompt_sha256
    ]
    printed = [
        _word_again(path, [side[query_id] for query_id in parted], progress)
        for path, side in zip((one, other), sides, strict=True)
    ]
    return PromptDiff(
        num_equal=len(both) - len(parted),
        partings=tuple(
            _part(query_id, printed[0][query_id], printed[1][query_id]) for query_id in parted
        ),
        only=(
            tuple(query_id for query_id in sides[0] if query_id not in sides[1]),
            tuple(query_id for query_id in sides[1] if query_id not in sides[0]),
        ),
    )


def _word_again(run_dir: Path, records: Sequence[Record], progress: Progress) -> Mapping[str, str]:
    """Return query id -> its prompt in words, of the first order where there are several."""
    if not records:
        return {}
    session = Session(read_settings(run_dir), progress)
    settings = session.settings
    (task,), (shots,), (seed,) = settings.tasks, settings.shots, settings.seeds
    run = load_run(session, task, shots=shots, seed=seed, with_images=True)
    plan = read_plan(run_dir / PLAN)
    asking = make_asking(run, plan, session, room=0)
    word = word_once(asking)
    queries = {query.id: query for query in run.split.examples}
    printed = {}
    for record in records:
        prompt = put_kept_together(
            queries[record.id],
            plan[record.id].demonstrations,
            asking,
            word,
            num_dropped=len(record.dropped),
        )
        printed[record.id] = print_prompt(prompt, bos=asking.wording.bos)
    return printed


def _part(query_id: str, one: str, other: str) -> Parting:
    pairs = takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))
    common = "".join(letter for letter, _ in pairs)
    return Parting(query_id, common, (one[len(common) :], other[len(common) :]))


def _name(image: Image) -> str:
    return f"<IMG:{str(image).replace(chr(92), '/').rpartition('/')[2]}>"
