"""`evals completion`, and what a shell gets when it asks: tab completes commands, options, words.

By argcomplete: the shell calls `evals` with `_ARGCOMPLETE` in the environment, and what could
come next goes to file descriptor 8.
"""

import argparse
import os
import re
from collections.abc import Mapping, Sequence
from importlib import import_module

from evals.cli.parsing import make_parser

SHELLS = ("bash", "zsh", "fish")
_COMMAND_LINE = re.compile(r"^  (\w+) +(\S.*)$", re.M)


def completion(arguments: Sequence[str]) -> None:
    """`evals completion`: print what a shell has to read."""
    options = completion_parser().parse_args(arguments)
    from argcomplete.shell_integration import shellcode

    print(shellcode(["evals"], shell=options.shell))


def completion_parser() -> argparse.ArgumentParser:
    parser = make_parser(
        "completion",
        "Print what makes tab complete commands, options, settings and their values. Let the "
        "shell's start-up file read it (zsh: after compinit).",
        examples=(
            "bash > ~/.evals.sh && echo 'source ~/.evals.sh' >> ~/.bashrc",
            "zsh > ~/.evals.zsh && echo 'source ~/.evals.zsh' >> ~/.zshrc",
            "fish > ~/.config/fish/completions/evals.fish",
        ),
    )
    parser.add_argument("shell", choices=SHELLS)
    return parser


def complete(commands: Mapping[str, str], usage: str) -> None:
    """Answer a shell, and exit.

    Args:
        commands: name -> "module:function", whose parser stands beside it.
        usage: says what each is for.
    """
    import argcomplete
    from argcomplete.lexers import split_line

    line, point = os.environ["COMP_LINE"], int(os.environ["COMP_POINT"])
    _, _, _, words, _ = split_line(line, point)
    first = int(os.environ["_ARGCOMPLETE"])
    if len(words) > first and words[first] in commands:
        # The command is the program whose arguments are completed.
        os.environ["_ARGCOMPLETE"] = str(first + 1)
        parser = find_parser(commands[words[first]])
    else:
        parser = _make_chooser(commands, usage)
    argcomplete.autocomplete(parser, always_complete_options=False)


def find_parser(target: str) -> argparse.ArgumentParser:
    """Return the parser that stands beside a command; one that takes files where none does."""
    module, _, function = target.partition(":")
    make = getattr(import_module(module), f"{function}_parser", None)
    if make is None:
        parser = argparse.ArgumentParser()
        parser.add_argument("files", nargs="*")
        return parser
    made: argparse.ArgumentParser = make()
    return made


def _make_chooser(commands: Mapping[str, str], usage: str) -> argparse.ArgumentParser:
    what = dict(_COMMAND_LINE.findall(usage))
    parser = argparse.ArgumentParser(prog="evals")
    parser.add_argument("--version", action="store_true")
    choices = parser.add_subparsers()
    for name in commands:
        choices.add_parser(name, help=what.get(name, ""))
    return parser
