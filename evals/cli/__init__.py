"""`evals`: words in, words out. The only place that sees Hydra's config.

    evals run task=okvqa model=idefics model.checkpoint=HuggingFaceM4/idefics-9b shots=[0,4,8]
    evals score RUN_DIR...                      evals score task=... predictions=FILE
    evals export RUN_DIR                        evals table RUN_DIR... --reference Flamingo-9B
    evals list [tasks|models|protocols|references]
    evals compare RUN_A RUN_B                   evals diff RUN_A RUN_B
    evals gate RUN_DIR... --baseline FILE
    evals prompts task=okvqa shots=2            evals prompts --diff RUN_A RUN_B
    evals bench --quick                         evals doctor; evals ls; evals completion bash

Exit codes: 0 done; 1 the gate, a check or the doctor fails; 2 a mistake that the user can mend,
told in one message; 3 not comparable; 70 a bug of ours; 130 interrupted.
"""

import os
import sys
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from importlib import import_module

from evals.cli.guard import MISUSE, guard
from evals.cli.interrupting import listen

USAGE = """usage: evals COMMAND ...

evaluate
  run         plan, answer, score: benchmarks x shots x seeds
  check       try a model on a few prompts before a long run
  prompts     prompts as the model gets them, or where two runs' prompts part
  doctor      what this machine has and lacks for an evaluation
look
  ls          runs with their scores: running, interrupted, finished
  table       runs as rows of shots, beside published numbers
  report      runs as pages for a browser, every query with its prompt
  plot        scores against shots, beside published numbers: PDF, PNG or SVG
  list        what there is: tasks, models, protocols, references
  track       runs in MLflow, Weights & Biases or TensorBoard
score
  score       a run again, or a results file in the official format
  export      a run's official submission file
trust
  compare     whether two runs differ, tested query by query
  diff        why two runs differ: the first cause, and its part of the gap
  baseline    freeze runs, for the gate
  gate        fail where runs are worse than a baseline
  verify      whether runs still are what they say
  bench       measure the built-in IDEFICS beside transformers
shell
  completion  what makes tab complete all this: bash, zsh, fish

examples:
  evals run task=okvqa 'shots=[0,4]' limit=50   # no download, no GPU
  evals run task=okvqa model=idefics model.checkpoint=HuggingFaceM4/idefics-9b
  evals table results/runs/* --reference Flamingo-9B

`evals COMMAND --help` says more, and README.md has a tour."""


COMMANDS = {
    "run": "evals.cli.running:run",
    "check": "evals.cli.checking:check",
    "score": "evals.cli.scoring:score",
    "export": "evals.cli.scoring:export",
    "table": "evals.cli.tables:table",
    "plot": "evals.cli.plotting:plot",
    "list": "evals.cli.tables:list_what",
    "report": "evals.cli.reporting:report",
    "track": "evals.cli.tracking:track",
    "prompts": "evals.cli.prompting:prompts",
    "verify": "evals.cli.verifying:verify",
    "compare": "evals.cli.comparing:compare",
    "diff": "evals.cli.diffing:diff",
    "baseline": "evals.cli.gating:baseline",
    "gate": "evals.cli.gating:gate",
    "bench": "evals.bench.command:bench",
    "doctor": "evals.cli.doctoring:doctor",
    "ls": "evals.cli.listing:list_runs",
    "completion": "evals.cli.completing:completion",
}
"""Imported when asked for: most need little, and start in well under a second."""


def main() -> None:
    """Run the command line and exit."""
    if "_ARGCOMPLETE" in os.environ:  # a shell asks what could come next
        from evals.cli.completing import complete

        complete(COMMANDS, USAGE)
    command, *arguments = sys.argv[1:] or ["--help"]
    if command in ("-h", "--help"):
        print(USAGE)
        sys.exit(0)
    if command == "--version":
        from importlib.metadata import version

        print(f"evals {version('idefics-evals')}")
        sys.exit(0)
    if command not in COMMANDS:
        print(f"error: no command {command!r}; {_suggest(command)}", file=sys.stderr)
        sys.exit(MISUSE)
    listen()
    sys.exit(guard(lambda: _import(COMMANDS[command])(arguments), sys.argv[1:]))


def _suggest(command: str) -> str:
    near = get_close_matches(command, COMMANDS, n=1)
    if near:
        return f"did you mean `evals {near[0]}`? `evals --help` lists them all"
    return f"there are {', '.join(COMMANDS)}"


def _import(name: str) -> Callable[[Sequence[str]], None]:
    module, _, function = name.partition(":")
    command: Callable[[Sequence[str]], None] = getattr(import_module(module), function)
    return command
