"""RICES: the support examples whose pictures look most like the query's (Flamingo, A.2).

Retrieval-based In-Context Example Selection, Yang et al. 2022 (arXiv:2109.05014): cosine
similarity of frozen vision features, here the vision tower's pooled class token.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from evals.demonstrations.samplers import Ranking
from evals.types import Example

Feature = npt.NDArray[np.float32]
"""(d,), of length one."""


def rank_by_similarity(support: Sequence[Example], features: Mapping[str, Feature]) -> Ranking:
    """Order the support set by similarity to the query's picture, the most similar first.

    A prompt shows them reversed, the most similar right before the query. Equal similarities are
    ordered by id. A picture that several examples share is compared once: a matrix product gives
    equal rows results that differ in the last bit, and their order would be that noise.

    Args:
        support: in order of id.
        features: picture sha256 -> feature, of all support and query pictures.
    """
    pictures = sorted({_picture(example) for example in support})
    rows = {picture: row for row, picture in enumerate(pictures)}
    row_of_example = np.array([rows[_picture(example)] for example in support])
    matrix = np.stack([features[picture] for picture in pictures])  # (pictures, d)

    def rank(query: Example) -> Iterator[Example]:
        similarity = (matrix @ features[_picture(query)])[row_of_example]
        for index in np.argsort(-similarity, kind="stable"):
            yield support[int(index)]

    return rank


def _picture(example: Example) -> str:
    assert example.image is not None
    return example.image.sha256
