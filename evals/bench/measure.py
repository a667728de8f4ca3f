"""One case: both sides in turns, in processes of their own, and what comes of it.

Peak memory is a process's whole (on a GPU, what torch took there): weights, caches and all that a
round needs. For its ratio the engine answers the sample once more, in a process of its own and at
most as many prompts at a time as transformers does, 8; by itself it takes more where that is
quicker.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from statistics import median

from evals.bench.cases import BATCH_SIZE, Case
from evals.bench.child import Child
from evals.bench.comparison import Comparison, compare_outputs, merge_comparisons
from evals.bench.configs import BenchConfig
from evals.bench.floor import count_prefill_operations
from evals.bench.rate import measure_rate
from evals.bench.sides import Prefill, Round, SideSettings
from evals.errors import EvalError
from evals.models.idefics.config import read_config

MIN_RATE = 0.9
"""Below this part of the rate before a case, something else took the machine."""
MIN_SWAP = 0.1
"""Had pictures less weight in the logits than this, any two engines would agree."""
PREFILL_PROMPTS = 32
PREFILL_PASSES = 3


@dataclass(frozen=True, slots=True)
class CaseResult:
    case: Case
    num_queries: int
    """Answered by the engine in a round."""
    num_sampled: int
    """Answered by transformers in a round: the first of them."""
    engine_seconds: tuple[float, ...]
    """A number a round."""
    transformers_seconds: tuple[float, ...]
    comparison: Comparison
    engine_peak_bytes: int
    """With as many prompts at a time as it chose."""
    engine_peak_bytes_alike: int
    """With as many as transformers had."""
    transformers_peak_bytes: int
    rate_before: float
    """Operations a second."""
    rate_after: float
    prefill_share: float | None
    """Of the matrix rate, while prompts are read; `None` where that was not measured."""
    picture_swap: float
    """How far logits move when one picture of a prompt is another: of several, the least."""

    @property
    def prompts_per_second(self) -> float:
        return self.num_queries / median(self.engine_seconds)

    @property
    def transformers_prompts_per_second(self) -> float:
        return self.num_sampled / median(self.transformers_seconds)

    @property
    def ratio(self) -> float:
        return self.prompts_per_second / self.transformers_prompts_per_second

    @property
    def peak_ratio(self) -> float:
        return self.engine_peak_bytes_alike / self.transformers_peak_bytes

    @property
    def is_rate_dropped(self) -> bool:
        return self.rate_after < MIN_RATE * self.rate_before


def run_case(
    case: Case, config: BenchConfig, settings: SideSettings, *, rounds: int, num_sampled: int
) -> CaseResult:
    """Run a case: the engine on all queries, transformers on the first of them, round by round.

    Raises:
        EvalError: a side cannot load or answer, or its process ends.
    """
    measure = partial(
        measure_rate, config.shapes, device=settings.torch_device, dtype=settings.torch_dtype
    )
    rate_before = measure()
    ours: list[Round] = []
    theirs: list[Round] = []
    with Child("engine", settings) as engine, Child("transformers", settings) as transformers:
        transformers.send("prepare", case)
        engine.call("prepare", case)
        transformers.receive()
        for index in range(rounds):
            if index:
                engine.call("prepare", case)
            ours.append(engine.call("answer", case, None))
            theirs.append(transformers.call("answer", case, num_sampled))
        peaks = [_read_peak(child, settings) for child in (engine, transformers)]
        comparison = _compare(case, ours, theirs, transformers)
        swap = min(transformers.call("swap_pictures"))
        prefill = None
        if case.kind == "random":
            prefill = engine.call("prefill", case, PREFILL_PROMPTS, PREFILL_PASSES)
    rate_after = measure()
    peak_alike = _measure_peak_alike(case, settings, num_sampled=num_sampled)
    return CaseResult(
        case=case,
        num_queries=len(ours[0].outputs),
        num_sampled=len(theirs[0].outputs),
        engine_seconds=tuple(made.seconds for made in ours),
        transformers_seconds=tuple(made.seconds for made in theirs),
        comparison=comparison,
        engine_peak_bytes=peaks[0],
        engine_peak_bytes_alike=peak_alike,
        transformers_peak_bytes=peaks[1],
        rate_before=rate_before,
        rate_after=rate_after,
        prefill_share=_share(prefill, settings, rate=max(rate_before, rate_after)),
        picture_swap=swap,
    )


def check_swap(result: CaseResult) -> None:
    """Refuse results of a model that does not look at its pictures.

    Raises:
        EvalError: swapping a picture moves no logit by more than `MIN_SWAP`.
    """
    if not result.picture_swap > MIN_SWAP:
        raise EvalError(
            f"{result.case.name}: another picture moves the logits by {result.picture_swap:.2g}, "
            f"not by more than {MIN_SWAP}; with such weights equal outputs prove nothing"
        )


def _compare(
    case: Case, ours: Sequence[Round], theirs: Sequence[Round], transformers: Child
) -> Comparison:
    def margin(request_id: str, one: Sequence[int], other: Sequence[int]) -> float | None:
        value: float | None = transformers.call("margin", case, request_id, one, other)
        return value

    return merge_comparisons(
        [
            compare_outputs(one.outputs, other.outputs, margin=margin)
            for one, other in zip(ours, theirs, strict=True)
        ]
    )


def _measure_peak_alike(case: Case, settings: SideSettings, *, num_sampled: int) -> int:
    """Return the engine's peak with as many prompts at a time as transformers has."""
    few = replace(settings, batch_size=BATCH_SIZE * case.num_beams)
    with Child("engine", few) as engine:
        engine.call("prepare", case)
        engine.call("answer", case, num_sampled)
        return _read_peak(engine, settings)


def _read_peak(child: Child, settings: SideSettings) -> int:
    """Return a side's peak; workers hold no GPU memory."""
    peak: int = child.call("peak_bytes")
    return peak + (child.peak_worker_bytes if settings.torch_device.type == "cpu" else 0)


def _share(prefill: Prefill | None, settings: SideSettings, *, rate: float) -> float | None:
    if prefill is None:
        return None
    needed = count_prefill_operations(read_config(settings.checkpoint), prefill.prompts)
    return needed / (median(prefill.seconds) * rate)
