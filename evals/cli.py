"""`evals`: words in, words out. The only place that sees Hydra's config.

    evals run task=okvqa model=idefics model.checkpoint=HuggingFaceM4/idefics-9b shots=[0,4,8]
    evals score RUN_DIR...                      evals score task=... predictions=FILE
    evals export RUN_DIR                        evals table RUN_DIR... --reference Flamingo-9B
    evals list [tasks|models|protocols|references]
    evals bench --quick

Exit codes: 0 done; 2 a mistake that the user can mend, told in one message; 70 a bug of ours.
"""

import argparse
import json
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from evals.errors import ConfigError, EvalError

MISUSE = 2
INTERNAL_ERROR = 70

USAGE = """usage: evals COMMAND ...

  run      evaluate: plan, answer, score (a Hydra application: evals run --help)
  score    score a run again, or a results file in the official format
  export   write a run's official submission file
  table    runs in rows of shots and columns of benchmarks, beside published numbers
  list     what there is: tasks, models, protocols, references
  bench    measure the built-in IDEFICS beside transformers

`evals COMMAND --help` says more. README.md has a tour."""


def main() -> None:
    """Run the command line and exit."""
    command, *arguments = sys.argv[1:] or ["--help"]
    if command in ("-h", "--help"):
        print(USAGE)
        sys.exit(0)
    if command == "--version":
        from importlib.metadata import version

        print(f"evals {version('idefics-evals')}")
        sys.exit(0)
    handlers: Mapping[str, Callable[[Sequence[str]], None]] = {
        "run": run,
        "score": score,
        "export": export,
        "table": table,
        "list": list_what,
        "bench": bench,
    }
    if command not in handlers:
        _fail(f"no command {command!r}; there are {', '.join(handlers)}")
    sys.exit(_guard(lambda: handlers[command](arguments)))


def run(arguments: Sequence[str]) -> None:
    """`evals run`: hand over to Hydra, which composes the config and calls back."""
    import hydra
    from omegaconf import DictConfig

    from evals.compose import register_schema, resolve_config
    from evals.resources import configs_dir

    register_schema()

    def evaluate(config: DictConfig) -> None:
        code = _guard(lambda: _evaluate(resolve_config(config)))
        if code:
            sys.exit(code)

    sys.argv = ["evals run", *arguments]
    application = hydra.main(version_base="1.3", config_path=str(configs_dir()), config_name="run")
    try:
        application(evaluate)()
    except SystemExit as stop:
        # Hydra ends with 1 where a config does not compose: that is the user's to mend.
        sys.exit(MISUSE if stop.code == 1 else stop.code)


def score(arguments: Sequence[str]) -> None:
    """`evals score`: runs from their records, or a results file made anywhere."""
    parser = argparse.ArgumentParser(
        prog="evals score",
        description="Score runs again from their records (no model), or a results file in the "
        "official format: evals score task=okvqa split=val data_dir=DIR predictions=FILE "
        "[partial=true]",
    )
    parser.add_argument("what", nargs="+", metavar="RUN_DIR|KEY=VALUE")
    parser.add_argument("--config-dir", help="a folder with more configs (task/NAME.yaml)")
    options = parser.parse_args(arguments)
    overrides = [word for word in options.what if "=" in word and not Path(word).is_dir()]
    if not overrides:
        _score_runs([Path(word) for word in options.what])
    elif len(overrides) == len(options.what):
        _score_results_file(overrides, options.config_dir)
    else:
        raise ConfigError("evals score takes run folders or KEY=VALUE settings, not both")


def export(arguments: Sequence[str]) -> None:
    """`evals export`: a run's official submission file."""
    parser = argparse.ArgumentParser(
        prog="evals export",
        description="Write a run's answers in its benchmark's official submission format.",
    )
    parser.add_argument("run_dir", type=Path)
    parser.add_argument("--out", type=Path, help="folder for the file (default: the run folder)")
    options = parser.parse_args(arguments)
    from evals.progress import RichProgress
    from evals.runner import export_run

    print(export_run(options.run_dir, options.out or options.run_dir, RichProgress()))


def table(arguments: Sequence[str]) -> None:
    """`evals table`: runs beside published numbers."""
    parser = argparse.ArgumentParser(
        prog="evals table", description="Tabulate runs beside published numbers."
    )
    parser.add_argument("run_dirs", nargs="+", type=Path, metavar="RUN_DIR")
    parser.add_argument(
        "--reference",
        action="append",
        default=[],
        help="a published series, e.g. Flamingo-9B (again or comma-separated for more; "
        "`evals list references` names them)",
    )
    parser.add_argument("--format", choices=("rich", "md", "latex", "csv"), default="rich")
    options = parser.parse_args(arguments)
    from evals.summary import read_summary

    names = [name for group in options.reference for name in group.split(",") if name]
    _print_table([read_summary(folder) for folder in options.run_dirs], names, options.format)


def list_what(arguments: Sequence[str]) -> None:
    """`evals list`: what there is."""
    from evals.report.listing import LISTS, render_list

    parser = argparse.ArgumentParser(prog="evals list", description="List what there is.")
    parser.add_argument("what", nargs="?", choices=LISTS)
    parser.add_argument("--config-dir", type=Path, help="a folder with more configs")
    options = parser.parse_args(arguments)
    from rich.console import Console

    for name in [options.what] if options.what else LISTS:
        Console().print(render_list(name, config_dir=options.config_dir))


def bench(arguments: Sequence[str]) -> None:
    """`evals bench`: the built-in IDEFICS beside transformers, speed and outputs."""
    from evals.bench.command import bench as run_bench

    run_bench(arguments)


def _evaluate(values: Mapping[str, Any]) -> None:
    from evals.config import parse_config
    from evals.progress import RichProgress
    from evals.runner import Session, run_all

    settings = parse_config(values)
    results = list(run_all(Session(settings, RichProgress())))
    _print_table([summary for _, summary in results], settings.references, "rich")
    for run_dir, summary in results:
        print(f"run folder: {run_dir}")
        for note in summary.answered.get("notes", []):
            print(f"  note: {note}")
    lines = [_result(run_dir, summary.scores, summary.num_queries) for run_dir, summary in results]
    print(json.dumps(lines[0] if len(lines) == 1 else {"runs": lines}))


def _score_runs(run_dirs: Sequence[Path]) -> None:
    from rich.console import Console

    from evals.progress import RichProgress
    from evals.report.table import format_scores
    from evals.runner import score_run

    lines = []
    for run_dir in run_dirs:
        summary = score_run(run_dir, RichProgress())
        Console().print(format_scores(summary))
        lines.append(_result(run_dir, summary.scores, summary.num_queries))
    print(json.dumps(lines[0] if len(lines) == 1 else {"runs": lines}))


def _score_results_file(overrides: Sequence[str], config_dir: str | None) -> None:
    from rich.console import Console

    from evals.compose import compose_config
    from evals.config import parse_tasks
    from evals.report.table import format_scores
    from evals.runner import score_results_file

    own = dict(
        word.split("=", 1) for word in overrides if word.startswith(("predictions=", "partial="))
    )
    if "predictions" not in own:
        raise ConfigError("give predictions=FILE, or run folders")
    if own.get("partial", "false").lower() not in ("true", "false"):
        raise ConfigError(f"partial={own['partial']}: true or false")
    rest = [word for word in overrides if word.partition("=")[0] not in ("predictions", "partial")]
    tasks = parse_tasks(compose_config(rest, config_dir=config_dir), model=None)
    if len(tasks) > 1:
        raise ConfigError("a results file belongs to one task; give task=NAME")
    partial = own.get("partial", "false").lower() == "true"
    made = score_results_file(tasks[0], Path(own["predictions"]), partial=partial)
    Console().print(format_scores(made))
    print(json.dumps(_result(None, made.scores, made.num_queries)))


def _print_table(summaries: Sequence[Any], names: Sequence[str], style: str) -> None:
    from rich.console import Console

    from evals.report import table as tables
    from evals.report.references import load_references, select_references

    made = tables.build_table(summaries, select_references(load_references(), names))
    match style:
        case "md":
            print(tables.format_markdown(made), end="")
        case "latex":
            print(tables.format_latex(made), end="")
        case "csv":
            print(tables.format_csv(made), end="")
        case _:
            Console().print(tables.format_rich(made))


def _result(
    run_dir: Path | None, scores: Mapping[str, Mapping[str, Any]], num_queries: int
) -> dict[str, Any]:
    """Return a run's JSON line: scores as the papers print them, x 100."""
    printed = {
        name: None if score["value"] is None else round(100 * score["value"], 4)
        for name, score in scores.items()
    }
    return {
        "run_dir": None if run_dir is None else str(run_dir),
        "scores": printed,
        "num_queries": num_queries,
    }


def _guard(work: Callable[[], None]) -> int:
    """Do the work; return the exit code, after the one message that goes with it."""
    try:
        work()
    except EvalError as error:
        print(f"error: {error}", file=sys.stderr)
        return MISUSE
    except KeyboardInterrupt:
        print("interrupted; the same command goes on from here", file=sys.stderr)
        return 130
    except BrokenPipeError:
        return 0
    except Exception:  # the one place: whatever else is raised is a bug of ours, and says so
        traceback.print_exc()
        print("internal error: please report the lines above", file=sys.stderr)
        return INTERNAL_ERROR
    return 0


def _fail(message: str) -> None:
    print(f"error: {message}", file=sys.stderr)
    sys.exit(MISUSE)
