"""What each query scored comes back from its file, whatever it was answered."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.errors import ResultsError
from evals.query_scores import QUERIES, QueryScore, read_query_scores, write_query_scores
from evals.types import Scale, Unit

text = st.text(max_size=8)
queries = st.lists(
    st.builds(
        QueryScore,
        text,
        text,
        text,
        st.dictionaries(st.sampled_from(["official", "cider"]), st.floats(0, 10)),
    )
    | st.builds(
        QueryScore,
        text,
        text,
        text,
        st.just({}),
        st.integers(0, 1),
        st.integers(0, 1),
        st.tuples(st.floats(0, 1), st.floats(0, 1)),
        st.booleans(),
        st.dictionaries(text, st.builds(Scale, st.sampled_from(Unit), st.booleans())),
    ),
    max_size=5,
)


@given(queries)
def test_queries_come_back(made: list[QueryScore]) -> None:
    with TemporaryDirectory() as folder:
        write_query_scores(Path(folder), made)
        assert list(read_query_scores(Path(folder))) == made


def test_a_surrogate_alone_is_no_obstacle(tmp_path: Path) -> None:
    write_query_scores(tmp_path, [QueryScore("1", "1", "\ud800", {})])
    assert next(read_query_scores(tmp_path)).id == "1"


def test_a_missing_file_says_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match=r"has no queries.jsonl; `evals score .*` makes it"):
        list(read_query_scores(tmp_path))


@pytest.mark.parametrize("line", ["{", "[]", "{}", '{"id": "1", "picture": "1", "answer": "a"}'])
def test_a_line_of_something_else_is_told(line: str, tmp_path: Path) -> None:
    write_query_scores(tmp_path, [QueryScore("1", "1", "a", {})])
    with (tmp_path / QUERIES).open("a") as file:
        file.write(line + "\n")
    with pytest.raises(ResultsError, match=r"queries.jsonl line 2 is not a query's"):
        list(read_query_scores(tmp_path))
