"""What the first page says of runs: table, curves, breakdowns, calibration, how they were made."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evals.pages.loading import LoadedRun
from evals.report.cells import Cell
from evals.report.comparability import find_headline
from evals.report.curves import Panel, make_panels
from evals.report.footnotes import (
    SPLIT_HEAD,
    SPLIT_NOTE,
    SplitCell,
    explain,
    list_marks,
    list_splits,
    number_remarks,
    print_spread,
    print_value,
    share_remarks,
)
from evals.report.layout import Table, build_table
from evals.report.names import title_benchmark
from evals.report.references import Reference
from evals.stats import Calibration, calibrate
from evals.summary import RunSummary, read_scale
from evals.types import Scale


@dataclass(frozen=True, slots=True)
class ShownCell:
    text: str
    spread: str
    marks: tuple[str, ...]
    title: str
    """What a pointer that rests on it reads: n and interval."""
    slugs: tuple[str, ...]
    """Runs whose queries it leads to."""


@dataclass(frozen=True, slots=True)
class ShownBlock:
    title: str
    kind: str
    """run, published or difference."""
    marks: tuple[str, ...]
    rows: tuple[tuple[str, tuple[ShownCell, ...]], ...]
    """Shots, and a cell for each column."""


@dataclass(frozen=True, slots=True)
class Breakdown:
    """One benchmark's headline score by what its data set says of the examples."""

    title: str
    key: str
    """answer_type, question_type, domain."""
    columns: tuple[str, ...]
    """Runs."""
    rows: tuple[tuple[str, int, tuple[str, ...]], ...]
    """Part, queries in it, a score for each run."""


@dataclass(frozen=True, slots=True)
class ShownCalibration:
    slug: str
    label: str
    says: str
    calibration: Calibration


@dataclass(frozen=True, slots=True)
class RunFacts:
    """How one run was made."""

    slug: str
    name: str
    label: str
    task: str
    queries: str
    speed: str
    """Queries a second of the last call that answered, if its time was kept."""
    dropped: int
    note: str
    facts: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Overview:
    title: str
    columns: tuple[tuple[str, str], ...]
    blocks: tuple[ShownBlock, ...]
    explanations: tuple[str, ...]
    remarks: Mapping[str, str]
    """Mark -> remark."""
    sources: tuple[str, ...]
    split_head: tuple[str, ...]
    split_note: str
    splits: tuple[SplitCell, ...]
    breakdowns: tuple[Breakdown, ...]
    calibrations: tuple[ShownCalibration, ...]
    runs: tuple[RunFacts, ...]
    charts: Mapping[str, Any]
    """What charts.js draws."""


def describe_overview(runs: Sequence[LoadedRun], references: Sequence[Reference]) -> Overview:
    """Lay out the first page.

    Raises:
        ResultsError: a table cannot tell two runs apart.
    """
    queries = {_key(run): run.queries for run in runs}
    table = build_table(
        [run.summary for run in runs],
        references,
        read_queries=lambda summary: queries[summary.hash, summary.seed],
    )
    calibrations = tuple(_calibrate(runs))
    return Overview(
        title=table.title,
        columns=tuple(column.title_lines for column in table.columns),
        blocks=_show_blocks(table, runs),
        explanations=explain(table),
        remarks={mark: remark for remark, mark in number_remarks(table).items()},
        sources=table.sources,
        split_head=SPLIT_HEAD,
        split_note=SPLIT_NOTE,
        splits=list_splits(table),
        breakdowns=tuple(_break_down(runs)),
        calibrations=calibrations,
        runs=tuple(_list_facts(run) for run in runs),
        charts={
            "curves": [_draw_curves(panel) for panel in make_panels(table)],
            "calibrations": [_draw_calibration(each) for each in calibrations],
        },
    )


def _key(run: LoadedRun) -> tuple[str, int]:
    return run.summary.hash, run.summary.seed


def _show_blocks(table: Table, runs: Sequence[LoadedRun]) -> tuple[ShownBlock, ...]:
    slugs = {_key(run): run.slug for run in runs}
    marks = number_remarks(table)
    blocks = []
    for block in table.blocks:
        shared = share_remarks(block)
        cells = [cell for row in block.rows for cell in row.cells if cell is not None]
        published = bool(cells) and all(cell.is_published for cell in cells)
        blocks.append(
            ShownBlock(
                title=block.title,
                kind="difference" if block.against else "published" if published else "run",
                marks=tuple(marks[remark] for remark in shared),
                rows=tuple(
                    (
                        "–" if row.shots is None else str(row.shots),
                        tuple(_show_cell(cell, shared, marks, slugs) for cell in row.cells),
                    )
                    for row in block.rows
                ),
            )
        )
    return tuple(blocks)


def _show_cell(
    cell: Cell | None,
    shared: Sequence[str],
    marks: Mapping[str, str],
    slugs: Mapping[tuple[str, int], str],
) -> ShownCell:
    return ShownCell(
        text=print_value(cell),
        spread=print_spread(cell),
        marks=tuple(list_marks(cell, shared, marks)),
        title=_explain_cell(cell) if cell is not None else "",
        slugs=tuple(slugs[run.hash, run.seed] for run in cell.runs) if cell is not None else (),
    )


def _explain_cell(cell: Cell) -> str:
    parts = []
    digits = cell.scale.unit.digits
    if cell.interval is not None:
        parts.append(f"95 %: {' to '.join(f'{end:.{digits}f}' for end in cell.interval)}")
    if len(cell.of_seeds) > 1:
        parts.append(f"seeds: {', '.join(f'{value:.{digits}f}' for value in cell.of_seeds)}")
    if cell.num_queries is not None and not cell.is_difference:
        parts.append(f"n = {cell.num_queries:,}")
    if cell.is_difference and cell.subtrahend is not None:
        parts.append(f"beside {cell.subtrahend}")
    return "; ".join(parts)


def _draw_curves(panel: Panel) -> dict[str, Any]:
    return {
        "title": panel.title,
        "digits": panel.scale.unit.digits,
        "axis": "" if panel.scale.higher_is_better else panel.scale.direction,
        "remarks": list(panel.remarks),
        "curves": [
            {
                "series": curve.series,
                "published": curve.is_published,
                "points": [[p.shots, p.value, p.low, p.high] for p in curve.points],
            }
            for curve in panel.curves
        ],
    }


def _break_down(runs: Sequence[LoadedRun]) -> list[Breakdown]:
    """Put runs on the same benchmark side by side, part by part."""
    made = []
    by_benchmark: dict[tuple[str, str], list[LoadedRun]] = {}
    for run in runs:
        by_benchmark.setdefault((run.summary.task, run.summary.split), []).append(run)
    for (_, split), alike in by_benchmark.items():
        parts = [run.summary.breakdowns.get(find_headline(run.summary) or "", {}) for run in alike]
        scales = [_read_scale(run.summary) for run in alike]
        names = dict.fromkeys(name for each in parts for name in each)
        for key in dict.fromkeys(name.partition("=")[0] for name in names):
            rows = [
                (
                    name.partition("=")[2],
                    max(each.get(name, {}).get("num_examples", 0) for each in parts),
                    tuple(
                        _print_part(each.get(name), scale)
                        for each, scale in zip(parts, scales, strict=True)
                    ),
                )
                for name in names
                if name.partition("=")[0] == key
            ]
            summary = alike[0].summary
            title = f"{title_benchmark(summary.benchmark or summary.task)} {split}"
            columns = tuple(
                f"{run.label}{scale.arrow}" for run, scale in zip(alike, scales, strict=True)
            )
            ordered = sorted(rows, key=lambda row: -row[1])
            made.append(Breakdown(title, key.replace("_", " "), columns, tuple(ordered)))
    return made


def _read_scale(summary: RunSummary) -> Scale:
    """Return the headline's."""
    return read_scale(summary.scores.get(find_headline(summary) or "", {}))


def _print_part(part: Mapping[str, Any] | None, scale: Scale) -> str:
    return "–" if part is None else scale.print(part["value"], more_digits=0)


def _calibrate(runs: Sequence[LoadedRun]) -> list[ShownCalibration]:
    made = []
    for run in runs:
        known = [query for query in run.queries if query.label is not None and query.probabilities]
        if not known:
            continue
        if len(known[0].probabilities) == 2:
            says = "P(the second choice)"
            if run.words is not None:
                says = f"P({run.words.asking.task.choices[1]})"
            outcomes = [query.label == 1 for query in known]
            probabilities = [query.probabilities[1] for query in known]
        else:
            says = "P(the chosen class)"
            outcomes = [query.label == query.choice for query in known]
            probabilities = [max(query.probabilities) for query in known]
        made.append(
            ShownCalibration(
                run.slug,
                f"{title_benchmark(run.summary.benchmark or run.summary.task)}: {run.label}",
                says,
                calibrate(outcomes, [min(1.0, p) for p in probabilities]),
            )
        )
    return made


def _draw_calibration(shown: ShownCalibration) -> dict[str, Any]:
    return {
        "title": shown.label,
        "says": shown.says,
        "bins": [
            [b.probability, b.share, b.interval.low, b.interval.high, b.num_examples]
            for b in shown.calibration.bins
        ],
    }


def _list_facts(run: LoadedRun) -> RunFacts:
    summary, answered = run.summary, run.summary.answered
    timing: Mapping[str, Any] = answered.get("timing", {})
    seconds, answers = timing.get("seconds", 0), timing.get("answers", 0)
    model: Mapping[str, Any] = answered.get("model", {})
    code: Mapping[str, Any] = answered.get("code", {})
    data: Mapping[str, Any] = answered.get("data", {})
    files = {**data.get("queries", {}).get("files", {}), **data.get("support", {}).get("files", {})}
    facts = {
        "folder": str(run.run_dir),
        "hash": summary.hash,
        "task version": str(summary.task_version),
        "metrics": ", ".join(
            f"{name}{read_scale(score).arrow} v{score['metric_version']}"
            for name, score in summary.scores.items()
        ),
        "checkpoint": str(model.get("checkpoint", "")),
        "revision": str(model.get("revision", "")),
        "checkpoint sha256": str(model.get("fingerprint", "")),
        "dtype, device": f"{model.get('dtype', '')}, {_name_devices(model)}",
        "plan sha256": summary.plan_sha256,
        "prompts sha256": summary.prompts_sha256,
        "pictures": _join(answered.get("pictures", {})),
        "data": "\n".join(f"{digest[:16]}  {path}" for path, digest in files.items()),
        "answered by commit": _commit(code),
        "scored by commit": _commit(summary.scored),
        "packages": _join(code.get("packages", {})),
        "notes": "\n".join(answered.get("notes", [])),
    }
    return RunFacts(
        slug=run.slug,
        name=run.run_dir.name,
        label=run.label,
        task=f"{title_benchmark(summary.benchmark or summary.task)} {summary.split}",
        queries=f"{summary.num_queries:,} of {summary.num_split:,}",
        speed=f"{answers / seconds:,.1f}" if seconds and answers else "–",
        dropped=summary.num_dropped,
        note=run.note,
        facts=tuple((name, value) for name, value in facts.items() if value.strip(", ")),
    )


def _name_devices(model: Mapping[str, Any]) -> str:
    device, number = str(model.get("device", "")), model.get("num_devices", 1)
    return device if number == 1 else f"{number} x {device}"


def _commit(code: Mapping[str, Any]) -> str:
    commit = code.get("commit")
    if not commit:
        return "an installed package"
    return f"{commit}{' and changes' if code.get('dirty') else ''}"


def _join(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items() if value)
