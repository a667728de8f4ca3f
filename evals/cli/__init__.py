"""`evals`: words in, words out. The only place that sees Hydra's config.

    evals run task=okvqa model=idefics model.checkpoint=HuggingFaceM4/idefics-9b shots=[0,4,8]
    evals score RUN_DIR...                      evals score task=... predictions=FILE
    evals export RUN_DIR                        evals table RUN_DIR... --reference Flamingo-9B
    evals list [tasks|models|protocols|references]
    evals compare RUN_A RUN_B                   evals gate RUN_DIR... --baseline FILE
    evals prompts task=okvqa shots=2            evals prompts --diff RUN_A RUN_B
    evals bench --quick

Exit codes: 0 done; 1 the gate fails; 2 a mistake that the user can mend, told in one message; 3 not
comparable; 70 a bug of ours.
"""

import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.metadata import version

from evals.cli.guard import MISUSE, guard

USAGE = """usage: evals COMMAND ...

  run      evaluate: plan, answer, score (a Hydra application: evals run --help)
  check    try a model on a few prompts before a long run
  score    score a run again, or a results file in the official format
  export   write a run's official submission file
  table    runs in rows of shots and columns of benchmarks, beside published numbers
  list     what there is: tasks, models, protocols, references
  compare  whether two runs differ, tested query by query
  baseline freeze runs, for the gate
  gate     fail where runs are worse than a baseline
  prompts  prompts as the model gets them, or where two runs' prompts part
  verify   whether runs still are what they say
  bench    measure the built-in IDEFICS beside transformers

`evals COMMAND --help` says more. README.md has a tour."""


COMMANDS = {
    "run": "evals.cli.running:run",
    "check": "evals.cli.checking:check",
    "score": "evals.cli.scoring:score",
    "export": "evals.cli.scoring:export",
    "table": "evals.cli.tables:table",
    "list": "evals.cli.tables:list_what",
    "prompts": "evals.cli.prompting:prompts",
    "verify": "evals.cli.verifying:verify",
    "compare": "evals.cli.comparing:compare",
    "baseline": "evals.cli.gating:baseline",
    "gate": "evals.cli.gating:gate",
    "bench": "evals.bench.command:bench",
}
"""Imported when asked for: most need little, and start in well under a second."""


def main() -> None:
    """Run the command line and exit."""
    command, *arguments = sys.argv[1:] or ["--help"]
    if command in ("-h", "--help"):
        print(USAGE)
        sys.exit(0)
    if command == "--version":
        print(f"evals {version('idefics-evals')}")
        sys.exit(0)
    if command not in COMMANDS:
        print(f"error: no command {command!r}; there are {', '.join(COMMANDS)}", file=sys.stderr)
        sys.exit(MISUSE)
    sys.exit(guard(lambda: _import(COMMANDS[command])(arguments)))


def _import(name: str) -> Callable[[Sequence[str]], None]:
    module, _, function = name.partition(":")
    command: Callable[[Sequence[str]], None] = getattr(import_module(module), function)
    return command
