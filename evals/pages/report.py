"""A report: a folder of pages, written whole or not at all."""

import json
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from evals.errors import ConfigError
from evals.pages.explorer import describe_runs, list_pictures, write_run
from evals.pages.loading import LoadedRun, Loader
from evals.pages.overview import describe_overview
from evals.pages.pieces import write_piece
from evals.pages.thumbnails import make_thumbnails
from evals.provenance import describe_code
from evals.report.names import BENCHMARKS
from evals.report.references import Reference
from evals.runner import Progress
from evals.types import Image

MARKER = "evals-report.json"
"""Says that a folder is a report, and may be replaced by another."""

_HERE = Path(__file__).parent


def write_report(
    run_dirs: Sequence[Path],
    out: Path,
    *,
    references: Sequence[Reference] = (),
    num_examples: int = 500,
    progress: Progress,
) -> Path:
    """Write the pages of runs into a folder; return its `index.html`.

    Pictures travel with the first `num_examples` queries of each benchmark, and with as many of
    those that its runs answer differently; the others show a placeholder.

    Raises:
        ConfigError: the folder holds something other than a report.
        ResultsError: a folder is no finished run, or a table cannot tell two runs apart.
    """
    check_place(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    place = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}."))
    try:
        _write(run_dirs, place, references, num_examples, progress)
        place.chmod(0o755)
        if out.exists():
            shutil.rmtree(out)
        place.rename(out)
    except BaseException:
        shutil.rmtree(place, ignore_errors=True)
        raise
    return out / "index.html"


def check_place(out: Path) -> None:
    """See whether a report may be written there.

    Raises:
        ConfigError: it is a file, or a folder that holds something other than a report.
    """
    if out.is_dir():
        if any(out.iterdir()) and not (out / MARKER).is_file():
            raise ConfigError(
                f"{out} is not empty and holds no report; choose another folder for it"
            )
    elif out.exists():
        raise ConfigError(f"{out} is a file; give a folder for the report")


def _write(
    run_dirs: Sequence[Path],
    out: Path,
    references: Sequence[Reference],
    num_examples: int,
    progress: Progress,
) -> None:
    loader = Loader(progress)
    slugs = _name_runs(run_dirs)
    runs = _sort([loader.load(run_dir, slug=slugs[run_dir]) for run_dir in slugs])
    overview = describe_overview(runs, references)
    thumbnails = make_thumbnails(_choose_pictures(runs, num_examples), out, progress)
    for run in runs:
        write_run(run, thumbnails, out, progress)
    write_piece(out, "all", "runs", describe_runs(runs))
    write_piece(out, "all", "charts", overview.charts)
    _render(out, "index.html", {"overview": overview})
    _render(out, "queries.html", {"overview": overview})
    shutil.copytree(_HERE / "static", out / "static")
    (out / MARKER).write_text(json.dumps({"runs": list(slugs.values())}, indent=2) + "\n")


def _name_runs(run_dirs: Sequence[Path]) -> Mapping[Path, str]:
    """Return run folder -> a name for files and addresses, each folder once."""
    names: dict[Path, str] = {}
    for run_dir in run_dirs:
        if run_dir.resolve() in names:
            continue
        plain = (
            "".join(
                c if c.isascii() and (c.isalnum() or c in "-_.") else "-"
                for c in run_dir.resolve().name
            ).lstrip(".")
            or "run"
        )
        taken = set(names.values())
        number = 1
        slug = plain
        while slug in taken or slug == "all":
            number += 1
            slug = f"{plain}-{number}"
        names[run_dir.resolve()] = slug
    return names


def _sort(runs: Sequence[LoadedRun]) -> list[LoadedRun]:
    """Return the runs in the order of a table: benchmarks, then shots, then seeds."""
    order = list(BENCHMARKS)

    def place(run: LoadedRun) -> tuple[int, str, str, int, int]:
        summary = run.summary
        known = summary.benchmark in order
        first = order.index(summary.benchmark) if known else len(order)
        return first, summary.task, summary.split, summary.shots, summary.seed

    return sorted(runs, key=place)


def _choose_pictures(runs: Sequence[LoadedRun], num_examples: int) -> Iterator[Image]:
    by_split: dict[tuple[str, str], list[LoadedRun]] = defaultdict(list)
    for run in runs:
        by_split[run.summary.task, run.summary.split].append(run)
    for alike in by_split.values():
        differing = _find_differing(alike)
        for run in alike:
            first = [query.id for query in run.queries[:num_examples]]
            more = [query.id for query in run.queries if query.id in differing]
            yield from list_pictures(run, list(dict.fromkeys(first + more[:num_examples])))


def _find_differing(runs: Sequence[LoadedRun]) -> set[str]:
    """Return the queries that runs on the same split answer differently."""
    seen: dict[str, str] = {}
    differing: set[str] = set()
    for run in runs:
        for query in run.queries:
            if seen.setdefault(query.id, query.answer) != query.answer:
                differing.add(query.id)
    return differing


def _render(out: Path, name: str, values: Mapping[str, Any]) -> None:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template(name).render(**values, code=describe_code())
    (out / name).write_text(page, encoding="utf-8", errors="xmlcharrefreplace")
