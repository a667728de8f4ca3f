"""Help as a user reads it: it fits a screen, and its examples work."""

import re
import shlex

import pytest

from evals.cli import COMMANDS, USAGE
from evals.cli.completing import find_parser
from evals.cli.parsing import list_examples, make_parser
from evals.compose import compose_config
from tests.cli.processes import EVALS, REPOSITORY, run_piped

SCREEN = (80, 40)
SHELL_WORDS = {"|", ">", ">>", "&&"}


def read_words(example: str) -> list[str]:
    """Return what the command gets of an example: neither comment nor what the shell does."""
    words = shlex.split(example, comments=True)[2:]
    ends = [index for index, word in enumerate(words) if word in SHELL_WORDS]
    return words[: ends[0]] if ends else words


def check_fits(text: str) -> None:
    lines = text.splitlines()
    assert len(lines) <= SCREEN[1]
    assert [line for line in lines if len(line) > SCREEN[0]] == []


def test_the_main_help_fits_a_screen_and_names_every_command_once() -> None:
    check_fits(USAGE)
    named = re.findall(r"^  (\w+) {2,}\S", USAGE, re.MULTILINE)
    assert sorted(named) == sorted(COMMANDS)
    assert list_examples_of_usage()


def list_examples_of_usage() -> list[str]:
    return [line.strip() for line in USAGE.splitlines() if line.startswith("  evals ")]


def test_the_main_helps_examples_are_of_commands_that_exist() -> None:
    for example in list_examples_of_usage():
        _, command, *_ = shlex.split(example, comments=True)
        find_parser(COMMANDS[command]).parse_args(read_words(example))


@pytest.mark.parametrize("command", COMMANDS)
def test_a_commands_help_fits_a_screen_and_shows_examples_that_parse(
    command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    parser = find_parser(COMMANDS[command])
    check_fits(parser.format_help())
    examples = list_examples(parser)
    assert 2 <= len(examples) <= 4
    for example in examples:
        assert example.startswith(f"evals {command}")
        parser.parse_args(read_words(example))


@pytest.mark.parametrize("example", list_examples(find_parser(COMMANDS["run"])))
def test_examples_of_run_compose(example: str) -> None:
    assert compose_config(read_words(example))["tasks"]


def test_examples_stand_above_the_notes() -> None:
    help_text = make_parser("try", "What.", examples=("", "A"), notes="And.").format_help()
    assert help_text.endswith("examples:\n  evals try\n  evals try A\n\nAnd.\n")


def test_a_long_example_goes_on_beneath_as_a_shell_reads_it() -> None:
    long = f"'two words' {'x' * 60} {'y' * 60} z"
    parser = make_parser("try", "What.", examples=(long,))
    check_fits(parser.format_help())
    assert f"x \\\n    {'y' * 60} z\n" in parser.format_help()
    assert list_examples(parser) == [f"evals try {long}"]


def test_run_has_help_of_its_own_whatever_else_is_given() -> None:
    done = run_piped([*EVALS, "run", "task=okvqa", "--help"], cwd=REPOSITORY, COLUMNS="80")
    assert done.returncode == 0
    check_fits(done.stdout)
    assert "evals run task=okvqa" in done.stdout


def test_an_unknown_command_suggests_the_nearest() -> None:
    done = run_piped([*EVALS, "tabel"], cwd=REPOSITORY)
    assert done.returncode == 2
    assert done.stderr.startswith("error: no command 'tabel'; did you mean `evals table`?")
