"""What a user can put right."""

import pytest

from evals import errors
from evals.errors import EvalError, list_problems


def test_every_error_of_ours_is_one_that_the_user_can_mend() -> None:
    raised = [value for value in vars(errors).values() if isinstance(value, type)]
    own = [error for error in raised if error.__module__ == errors.__name__]
    assert len(own) == 10
    assert all(issubclass(error, EvalError) for error in own)
    assert not issubclass(EvalError, ValueError | OSError), "handlers of those must not hide it"


@pytest.mark.parametrize(
    ("num_problems", "max_shown", "lines"),
    [
        (0, 2, []),
        (1, 2, ["  - 0"]),
        (2, 2, ["  - 0", "  - 1"]),
        (3, 2, ["  - 0", "  - 1", "  ... and 1 more"]),
        (100, 1, ["  - 0", "  ... and 99 more"]),
    ],
)
def test_problems_are_listed_up_to_a_number_and_the_rest_counted(
    num_problems: int, max_shown: int, lines: list[str]
) -> None:
    problems = (str(number) for number in range(num_problems))
    assert list_problems(problems, max_shown=max_shown).splitlines() == lines


def test_twenty_problems_are_shown_unless_told() -> None:
    assert len(list_problems("p" * 20).splitlines()) == 20
    assert list_problems("p" * 21).endswith("... and 1 more")


def test_a_problem_that_quotes_a_whole_file_is_cut() -> None:
    line = list_problems(["x.json, row 3: " + "a" * 10**6])
    assert line.startswith("  - x.json, row 3: aaa")
    assert line.endswith("a...")
    assert len(line) < 1100
