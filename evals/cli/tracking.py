"""`evals track`: finished runs in an experiment tracker; `evals run tracker=...` ends with it, too.

What a tracker says of itself goes to stderr: stdout ends with the JSON line.
"""

import argparse
import shlex
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING

from evals.cli.parsing import make_parser, offer
from evals.cli.words import offer_folders
from evals.errors import ConfigError, EvalError, ResultsError
from evals.secrets import HIDDEN, hide_secrets

if TYPE_CHECKING:
    from evals.summary import RunSummary
    from evals.trackers import Series, Tracker


def track_parser() -> argparse.ArgumentParser:
    parser = make_parser(
        "track",
        "Log finished runs to MLflow, Weights & Biases or TensorBoard: a run there for each model, "
        "setting and seed, its steps the shots.",
        examples=(
            "results/runs/* tracker=tensorboard",
            "results/runs/okvqa-* tracker=mlflow tracker.tracking_uri=http://localhost:5000",
            "results/runs/* tracker=wandb tracker.mode=offline --report report/",
        ),
        notes="`evals run ... tracker=NAME` does the same when its last run is scored. "
        "`evals list trackers` shows what can be set.",
    )
    what = parser.add_argument(
        "what",
        nargs="+",
        metavar="RUN_DIR|KEY=VALUE",
        help="run folders; tracker=NAME, and its settings as tracker.KEY=VALUE",
    )
    offer(what, offer_folders)
    parser.add_argument(
        "--report", type=Path, metavar="DIR", help="pages about these runs, as an artifact"
    )
    parser.add_argument(
        "--config-dir", metavar="DIR", help="a folder with more configs (tracker/NAME.yaml)"
    )
    return parser


def track(arguments: Sequence[str]) -> None:
    """`evals track`: finished runs in an experiment tracker."""
    options = track_parser().parse_args(arguments)
    from evals.compose import compose_config
    from evals.summary import read_summary
    from evals.trackers import make_series, open_tracker

    words = [word for word in options.what if "=" in word and not Path(word).is_dir()]
    folders = [Path(word) for word in options.what if word not in words]
    if not folders:
        raise ConfigError("evals track takes run folders: evals track RUN_DIR... tracker=NAME")
    tracker = open_tracker(compose_config(words, config_dir=options.config_dir)["tracker"])
    if tracker is None:
        raise ConfigError("name a tracker: tracker=NAME; `evals list trackers` shows them")
    runs = [(folder, read_summary(folder)) for folder in folders]
    for series in make_series(runs, report_dir=options.report):
        try:
            where = _log(tracker, series)
        except EvalError:
            raise
        except Exception as error:  # a server away, a disk full, a bug in a tracker
            raise ResultsError(f"not logged: {series.name()}: {_describe(error)}") from error
        print(f"{series.name()}: {where}")


def log_scored(
    tracker: "Tracker",
    runs: Sequence[tuple[Path, "RunSummary"]],
    *,
    report_dir: Path | None = None,
) -> None:
    """Log what `evals run` scored; where that fails, say how to do it later, and nothing worse.

    The first failure ends it: a server that is away is waited for once.
    """
    from evals.trackers import make_series

    sys.stdout.flush()  # a tracker may take minutes to give up
    pending = list(make_series(runs, report_dir=report_dir))
    while pending:
        try:
            where = _log(tracker, pending[0])
        except Exception as error:  # whatever it is: the scores are written and printed
            print(_warn(pending, error), file=sys.stderr)
            return
        print(f"logged {pending.pop(0).name()}: {where}", file=sys.stderr)


def _log(tracker: "Tracker", series: "Series") -> str:
    """Log one series; return where it is."""
    from evals.progress import RichProgress

    with redirect_stdout(sys.stderr), RichProgress().wait(f"{series.name()}: to the tracker"):
        return str(hide_secrets(tracker.log(series)))


def _warn(pending: Sequence["Series"], error: Exception) -> str:
    names = ", ".join(f"`{series.name()}`" for series in pending)
    folders = dict.fromkeys(str(run_dir) for series in pending for run_dir, _ in series.runs)
    words = [_hide_word(word) for word in sys.argv[1:] if word.lstrip("+~").startswith("tracker")]
    command = shlex.join(["evals", "track", *folders, *(words or ["tracker=NAME"])])
    return (
        f"warning: scores are written, but not logged to the tracker: {names}: {_describe(error)}\n"
        f"  to log them later: {command}"
    )


def _describe(error: Exception) -> str:
    return str(hide_secrets(f"{type(error).__name__}: {error}"))


def _hide_word(word: str) -> str:
    """Return a word of `evals run` without the reference that stands in it for a secret."""
    key, _, value = word.partition("=")
    return f"{key}={HIDDEN}" if "EVALS_SECRET_" in value else word
