"""`evals prompts`: what a model would be sent, and where the prompts of two runs part."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from evals.cli.parsing import make_parser, offer
from evals.cli.words import offer_folders, offer_settings
from evals.errors import ConfigError

NUM_SHOWN = 3
"""Queries, where `limit=` does not say how many; partings, where `--all` does not say all."""
NUM_BEFORE, NUM_AFTER = 60, 160
"""Characters of what is common, and of how each run goes on."""


def prompts(arguments: Sequence[str]) -> None:
    """`evals prompts`: print prompts, or compare those of two runs.

    Raises:
        ConfigError: neither settings nor two runs are given.
    """
    options = prompts_parser().parse_args(arguments)
    if bool(options.diff) == bool(options.settings):
        raise ConfigError(
            "evals prompts takes settings (task=okvqa shots=2), or --diff and two run folders"
        )
    if options.diff:
        _print_diff(*options.diff, show_all=options.all)
    else:
        _print_prompts(options.settings, options.config_dir)


def prompts_parser() -> argparse.ArgumentParser:
    parser = make_parser(
        "prompts",
        "Print prompts as the model gets them, pictures as <IMG:file>; or show where two runs' "
        "prompts part.",
        examples=(
            "task=okvqa shots=2",
            "task=okvqa shots=2 protocol=flamingo limit=1",
            "--diff results/runs/okvqa-before results/runs/okvqa-after",
        ),
    )
    settings = parser.add_argument(
        "settings", nargs="*", metavar="KEY=VALUE", help="as of evals run"
    )
    offer(settings, offer_settings)
    parser.add_argument(
        "--config-dir", metavar="DIR", help="a folder with more configs (task/NAME.yaml)"
    )
    diff = parser.add_argument("--diff", nargs=2, type=Path, metavar=("RUN_A", "RUN_B"))
    offer(diff, offer_folders)
    parser.add_argument("--all", action="store_true", help="with --diff: every query that differs")
    return parser


def _print_prompts(overrides: Sequence[str], config_dir: str | None) -> None:
    from evals.compose import compose_config
    from evals.config import parse_config
    from evals.progress import RichProgress
    from evals.runner import Session, print_prompt, word_prompts

    chosen = any(word.startswith(("limit=", "sample=")) for word in overrides)
    limits = [] if chosen else [f"limit={NUM_SHOWN}"]
    settings = parse_config(compose_config([*overrides, *limits], config_dir=config_dir))
    session = Session(settings, RichProgress())
    for task in settings.tasks:
        for shots in settings.shots:
            for seed in settings.seeds:
                for asked in word_prompts(session, task, shots=shots, seed=seed):
                    dropped = f", {len(asked.dropped)} dropped" if asked.dropped else ""
                    print(
                        f"--- {task.name} {asked.query.id}: {len(asked.demonstrations)} "
                        f"demonstrations{dropped}, {asked.num_prompt_tokens} tokens, seed {seed}"
                    )
                    for request in asked.requests:
                        print(print_prompt(request.prompt, bos=request.bos))


def _print_diff(one: Path, other: Path, *, show_all: bool) -> None:
    from evals.progress import RichProgress
    from evals.runner import diff_prompts

    diff = diff_prompts(one, other, RichProgress())
    shown = diff.partings if show_all else diff.partings[:NUM_SHOWN]
    for parting in shown:
        print(f"--- {parting.query_id}: the same for {len(parting.common)} characters")
        print(f"  {parting.common[-NUM_BEFORE:]!r}")
        for name, rest in zip("AB", parting.rests, strict=True):
            print(f"{name} {rest[:NUM_AFTER]!r}{'...' if len(rest) > NUM_AFTER else ''}")
    only = ", ".join(
        f"{len(ids)} only in {name}" for name, ids in zip("AB", diff.only, strict=True) if ids
    )
    print(
        f"{len(diff.partings)} prompts differ ({len(shown)} shown), {diff.num_equal} are equal"
        + (f"; {only}" if only else "")
    )
