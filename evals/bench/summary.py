"""What a bench found, as a table for people and as one JSON object for programs."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evals.bench.comparison import Comparison
from evals.bench.measure import CaseResult

COLUMNS = ("case", "prompts/s", "theirs", "ratio", "outputs", "memory", "prefill", "rate")
LEGEND = (
    "theirs: transformers' prompts/s; memory: the engine's peak over transformers', both with as "
    "many prompts at a time; prefill: share of the matrix rate while prompts are read; rate: of "
    "matrices, operations/s before > after"
)


@dataclass(frozen=True, slots=True)
class BenchResult:
    config: str
    setting: Mapping[str, Any]
    """What the numbers depend on: device, dtype, threads, versions."""
    cases: tuple[CaseResult, ...]


def format_json(result: BenchResult) -> str:
    """Return one line; a number that JSON has no word for becomes null."""
    values = {
        "config": result.config,
        **result.setting,
        "cases": [_to_json(case) for case in result.cases],
    }
    return json.dumps(_replace_nan(values), allow_nan=False)


def build_rows(cases: Sequence[CaseResult]) -> list[tuple[str, ...]]:
    """Return a row a case, a text a column."""
    return [
        (
            made.case.name,
            f"{made.prompts_per_second:.2f}",
            f"{made.transformers_prompts_per_second:.2f}",
            f"{made.ratio:.1f}x",
            _describe_outputs(made.comparison),
            f"{made.peak_ratio:.2f}",
            "-" if made.prefill_share is None else f"{100 * made.prefill_share:.0f} %",
            f"{_shorten(made.rate_before)} > {_shorten(made.rate_after)}"
            + (" DROPPED" if made.is_rate_dropped else ""),
        )
        for made in cases
    ]


def format_plain(cases: Sequence[CaseResult]) -> str:
    """Return the table with nothing but spaces between its columns."""
    rows = [COLUMNS, *build_rows(cases)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = (
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )
    return "\n".join((*lines, LEGEND))


def _shorten(rate: float) -> str:
    return f"{rate / 1e12:.0f}T" if rate >= 1e13 else f"{rate / 1e9:.0f}G"


def _describe_outputs(comparison: Comparison) -> str:
    ties = f", {comparison.num_near_ties} near ties" if comparison.num_near_ties else ""
    if comparison.is_equal:
        return f"equal{ties}"
    far = comparison.max_logprob_difference
    difference = "" if far is None else f" by {far:.1e}"
    wrong = len(comparison.mismatches) - comparison.num_near_ties
    count = f"{wrong} of {comparison.num_compared} " if comparison.mismatches else ""
    return f"{count}DIFFER{difference}{ties}"


def _to_json(made: CaseResult) -> dict[str, Any]:
    case, comparison = made.case, made.comparison
    return {
        "case": case.kind,
        "shots": case.shots,
        "classes": case.classes,
        "prompts_per_second": round(made.prompts_per_second, 4),
        "transformers_prompts_per_second": round(made.transformers_prompts_per_second, 4),
        "ratio": round(made.ratio, 3),
        "outputs_equal": comparison.is_equal,
        "compared": comparison.num_compared,
        "near_ties": comparison.num_near_ties,
        "mismatches": [
            {"id": mismatch.request_id, "margin": mismatch.margin}
            for mismatch in comparison.mismatches
        ],
        "max_logprob_difference": comparison.max_logprob_difference,
        "peak_memory_ratio": round(made.peak_ratio, 4),
        "peak_memory_bytes": made.engine_peak_bytes,
        "peak_memory_bytes_alike": made.engine_peak_bytes_alike,
        "transformers_peak_memory_bytes": made.transformers_peak_bytes,
        "picture_swap": round(made.picture_swap, 3),
        "matmul_share": None if made.prefill_share is None else round(made.prefill_share, 4),
        "matmul_gflops_before": round(made.rate_before / 1e9, 1),
        "matmul_gflops_after": round(made.rate_after / 1e9, 1),
        "matmul_rate_dropped": made.is_rate_dropped,
        "queries": made.num_queries,
        "sample": made.num_sampled,
        "seconds": [round(seconds, 4) for seconds in made.engine_seconds],
        "transformers_seconds": [round(seconds, 4) for seconds in made.transformers_seconds],
    }


def _replace_nan(value: Any) -> Any:
    if isinstance(value, float) and (value != value or value in (float("inf"), -float("inf"))):
        return None
    if isinstance(value, dict):
        return {key: _replace_nan(part) for key, part in value.items()}
    return [_replace_nan(part) for part in value] if isinstance(value, list) else value
