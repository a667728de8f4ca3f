"""RICES: the most similar first, equal ones by id, whatever the matrix product rounds."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.demonstrations import build_plan, draw_support_set
from evals.demonstrations.rices import Feature, rank_by_similarity
from evals.types import Example, Image


def unit(vector: np.ndarray) -> Feature:
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def random_features(pictures: list[Image], *, width: int, seed: int) -> dict[str, Feature]:
    generator = np.random.default_rng(seed)
    digests = sorted({picture.sha256 for picture in pictures})
    return {digest: unit(generator.normal(size=width)) for digest in digests}


@given(st.integers(1, 30), st.integers(2, 64), st.integers(0, 2**32 - 1))
def test_the_order_is_that_of_the_cosine_similarity(size: int, width: int, seed: int) -> None:
    support = [Example(f"{n:02}", Image(b"%d" % n)) for n in range(size)]
    query = Example("q", Image(b"query"))
    pictures = [e.image for e in (*support, query) if e.image]
    features = random_features(pictures, width=width, seed=seed)
    order = list(rank_by_similarity(support, features)(query))

    assert sorted(example.id for example in order) == [example.id for example in support]
    similarity = {
        example.id: float(
            features[example.image.sha256].astype(np.float64)
            @ features[query.image.sha256].astype(np.float64)
        )
        for example in support
        if example.image and query.image
    }
    shown = [similarity[example.id] for example in order]
    assert all(a >= b - 1e-6 for a, b in pairwise(shown))


@pytest.mark.parametrize("width", [8, 33, 512, 1280])
@pytest.mark.parametrize("size", [2, 3, 7, 30, 59])
def test_examples_on_one_picture_stay_in_order_of_id(size: int, width: int) -> None:
    """VQA asks several questions a picture.

    Rows of a BLAS product are not equal where the rows of the matrix are: the order of equal
    pictures was once that noise in half of these cases.
    """
    shared = Image(b"shared")
    support = [Example(f"{n:02}", shared) for n in range(size)]
    query = Example("q", Image(b"query"))
    features = random_features([shared, Image(b"query")], width=width, seed=size)
    order = list(rank_by_similarity(support, features)(query))
    assert [example.id for example in order] == [example.id for example in support]


def test_the_query_itself_is_the_most_similar_and_never_a_demonstration() -> None:
    examples = [Example(str(n), Image(b"%d" % (n // 2)), references=("x",)) for n in range(10)]
    support = draw_support_set(examples, num_support=None, seed=0)
    features = random_features([e.image for e in examples if e.image], width=4, seed=0)
    ranking = rank_by_similarity(support, features)
    (entry,) = build_plan([examples[5]], ranking, lambda shown: 0, num_demonstrations=8)
    assert [e.id for e in ranking(examples[5])][:2] == ["4", "5"]
    assert {planned.support_id for planned in entry.demonstrations} == {e.id for e in examples} - {
        "4",
        "5",
    }
