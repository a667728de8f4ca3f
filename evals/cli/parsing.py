"""Help that fits a screen: what a command is for, its options, and commands to copy.

Beside each command's function stands its parser's: `tables.table` and `tables.table_parser`. Tab
completion asks for the second alone.
"""

import argparse
import re
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

WIDTH = 78
"""Of prose; argparse itself keeps to the terminal."""

_WORD = re.compile(r"(?:'[^']*'|\S)+")
_GOES_ON = " \\\n   "

Completer = Callable[..., Mapping[str, str] | Iterable[str]]
"""Called with `prefix` and `parsed_args`, as argcomplete does; returns words, or what each is."""


def make_parser(
    command: str, description: str, *, examples: Sequence[str], notes: str = ""
) -> argparse.ArgumentParser:
    """Return the parser of a command, with examples, and notes beneath them.

    Args:
        command: as it is typed after `evals`.
        examples: what is typed after `evals COMMAND`.
    """
    lines = ["examples:", *(_fold(f"evals {command} {example}".rstrip()) for example in examples)]
    if notes:
        lines += ["", _fill(notes)]
    return argparse.ArgumentParser(
        prog=f"evals {command}",
        description=_fill(description),
        epilog="\n".join(lines),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def split_words(words: Sequence[str]) -> tuple[list[Path], dict[str, str]]:
    """Return the folders among words, and the settings: `KEY=VALUE` where no folder is so named.

    `~` in a value is the home folder.
    """
    settings = [word for word in words if "=" in word and not Path(word).is_dir()]
    pairs = (word.partition("=") for word in settings)
    return (
        [Path(word) for word in words if word not in settings],
        {key: str(Path(value).expanduser()) for key, _, value in pairs},
    )


def list_examples(parser: argparse.ArgumentParser) -> list[str]:
    """Return the examples of a parser, each as one line."""
    lines = (parser.epilog or "").replace(_GOES_ON, "").splitlines()
    return [line.strip() for line in lines if line.startswith("  evals ")]


def _fill(prose: str) -> str:
    return textwrap.fill(prose, WIDTH, break_on_hyphens=False, break_long_words=False)


def _fold(example: str) -> str:
    """Let an example that is too long go on beneath, as a shell reads it."""
    if len(example) <= WIDTH:
        return f"  {example}"
    lines = [" "]
    for word in _WORD.findall(example):
        if len(lines[-1]) + 1 + len(word) > WIDTH:
            lines.append("   ")
        lines[-1] += f" {word}"
    return " \\\n".join(lines)


def offer(action: argparse.Action, completer: Completer) -> None:
    """Let tab complete an argument with these words; without this it completes files."""
    action.completer = completer  # type: ignore[attr-defined]
