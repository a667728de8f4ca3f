"""Queries and demonstrations whose pictures cannot be read: what becomes of them.

With on_error=record they are looked for before the model is loaded, whichever model it is, at the
cost of decoding each picture once more (9 ms of one core for a COCO photograph). With on_error=stop
nothing is decoded twice until one fails; then the others are looked for, and one error names all.
"""

from collections.abc import Iterable, Iterator, Sequence

from evals.compose import OnError
from evals.demonstrations import Plan
from evals.errors import PictureError
from evals.runner.loading import Run
from evals.runner.session import Session
from evals.runner.unreadable import find_unreadable, tell
from evals.types import Example, Image


def find_failures(queries: Iterable[Example], session: Session) -> dict[str, str]:
    """Return query id -> why its picture cannot be shown; nothing where the run is to stop."""
    if session.settings.on_error is OnError.stop:
        return {}
    return find_unreadable(_pictures_of(queries), session)


def check_demonstrations(run: Run, plan: Plan, asked: Sequence[Example], session: Session) -> None:
    """Check the demonstrations of queries, where failures are recorded: theirs would be hidden.

    Raises:
        PictureError: pictures cannot be read; all are listed.
    """
    if session.settings.on_error is OnError.record:
        pictures = _pictures_of(list_shown(run, plan, asked))
        if unreadable := find_unreadable(pictures, session):
            raise PictureError(tell({}, unreadable))


def list_all(
    run: Run, plan: Plan, asked: Sequence[Example], session: Session, error: PictureError
) -> PictureError:
    """Return an error that names all unreadable pictures of a run that has met one."""
    shown = find_unreadable(_pictures_of(list_shown(run, plan, asked)), session)
    own = find_unreadable(_pictures_of(asked), session)
    return PictureError(tell(own, shown)) if own or shown else error


def list_shown(run: Run, plan: Plan, asked: Sequence[Example]) -> Iterator[Example]:
    """Yield the support examples whose pictures the prompts of these queries show."""
    if run.plan.text_only:
        return
    shown = plan.support_ids
    if len(asked) < len(plan):
        shown = {each.support_id for query in asked for each in plan[query.id].demonstrations}
    yield from (example for example in run.support.examples if example.id in shown)


def _pictures_of(examples: Iterable[Example]) -> dict[str, Image]:
    return {example.id: example.image for example in examples if example.image is not None}
