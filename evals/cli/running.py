"""`evals run`: hand over to Hydra, which composes the config and calls back."""

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from evals.cli.guard import MISUSE, guard
from evals.cli.output import print_results, print_table, to_line


def run(arguments: Sequence[str]) -> None:
    import hydra
    from omegaconf import DictConfig

    from evals.compose import register_schema, resolve_config
    from evals.resources import configs_dir
    from evals.secrets import shield_overrides

    register_schema()

    def evaluate(config: DictConfig) -> None:
        code = guard(lambda: _evaluate(resolve_config(config)))
        if code:
            sys.exit(code)

    sys.argv = ["evals run", *shield_overrides(arguments)]
    application = hydra.main(version_base="1.3", config_path=str(configs_dir()), config_name="run")
    try:
        application(evaluate)()
    except SystemExit as stop:
        # Hydra ends with 1 where a config does not compose: that is the user's to mend.
        sys.exit(MISUSE if stop.code == 1 else stop.code)


def _evaluate(values: Mapping[str, Any]) -> None:
    from evals.config import parse_config
    from evals.progress import RichProgress
    from evals.runner import Session, run_all

    settings = parse_config(values)
    results = list(run_all(Session(settings, RichProgress())))
    print_table(results, settings.references, "rich")
    for run_dir, summary in results:
        print(f"run folder: {run_dir}")
        for note in summary.answered.get("notes", []):
            print(f"  note: {note}")
    lines = [to_line(run_dir, summary.scores, summary.num_queries) for run_dir, summary in results]
    print_results(lines)
