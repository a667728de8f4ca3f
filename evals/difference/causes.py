"""All causes of a difference, in the order of their layers, and the parts of the gap."""

from pathlib import Path

from evals.difference.difference import Cause, Difference, Layer
from evals.difference.parts import read_headline, split_gap
from evals.difference.queries import compare_data, compare_demonstrations, compare_prompts
from evals.difference.settings import (
    compare_models,
    compare_protocols,
    compare_scorers,
    compare_task,
    compare_versions,
    find_first,
    is_other_response,
)
from evals.difference.side import Side, read_side
from evals.records import Generated
from evals.runner.session import Progress
from evals.summary import read_scale


def find_difference(one: Path, other: Path, progress: Progress) -> Difference:
    """Compare two finished runs layer by layer, and score each layer again.

    No model is loaded. What is gone (data, pictures) is told by what was recorded of it.

    Raises:
        ResultsError: a folder is no finished run.
    """
    sides = read_side(one, progress), read_side(other, progress)
    causes = list_causes(*sides)
    names = sides[0].summary.headline, sides[1].summary.headline
    comparable = sides[0].summary.task == sides[1].summary.task
    with progress.wait("scores of each layer"):
        parts = split_gap(*sides, causes) if comparable else ()
    return Difference(
        names=(sides[0].name, sides[1].name),
        values=(read_headline(sides[0]), read_headline(sides[1])),
        headlines=names,
        scale=read_scale(sides[1].summary.scores.get(names[1] or "", {})),
        causes=causes,
        parts=parts,
        notes=tuple(f"{side.name}: {side.note}" for side in sides if side.note),
    )


def list_causes(one: Side, other: Side) -> tuple[Cause, ...]:
    """Return in which ways two runs differ, what explains most first."""
    explained: set[str] = set()
    causes = [
        *compare_task(one, other),
        *compare_data(one, other, explained),
        *compare_demonstrations(one, other, explained),
        *compare_prompts(one, other, explained),
        *compare_models(one, other, explained),
        *compare_protocols(one, other, explained),
        *compare_scorers(one, other),
        *compare_versions(one, other, explained),
    ]
    if not causes and (query_id := find_first(one, other, is_other_response, set())):
        causes = [_tell_noise(one, other, query_id)]
    words_told = any(c.layer is Layer.PROMPT and c.query_id and c.detail for c in causes)
    kept = [c for c in causes if not (words_told and _is_wording(c))]
    order = list(Layer)
    return tuple(sorted(kept, key=lambda cause: order.index(cause.layer)))


def _is_wording(cause: Cause) -> bool:
    """Return whether a cause is a setting whose words are told with their query already."""
    return cause.what.startswith(("protocol.wording.prefix", "protocol.wording.example")) or (
        cause.what.startswith(("protocol.wording.text_only", "protocol.end_of_chunk"))
    )


def _tell_noise(one: Side, other: Side, query_id: str) -> Cause:
    """Return the cause of answers that differ while nothing else does."""
    responses = [side.records[query_id].response for side in (one, other)]
    before, after = (
        f"{r.text!r:.40} (log-probability {r.logprob:.4f})"
        if isinstance(r, Generated)
        else ", ".join(f"{value:.4f}" for value in r.logprobs[0][:4])
        for r in responses
    )
    return Cause(
        *(Layer.VERSIONS, "answers alone", before, after, query_id),
        detail="rounding: nothing that was recorded differs",
    )
