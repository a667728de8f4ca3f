"""Which picture each token looks at, and tokens grouped by it."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from evals.models.idefics.groups import NO_IMAGE, Groups, find_images, group_by

IMAGE, EOS = 1, 2


def test_a_token_looks_at_the_last_picture_before_it() -> None:
    ids = [9, IMAGE, 9, IMAGE, 9, 9]
    assert find_images(ids, image_id=IMAGE, eos_id=EOS) == [NO_IMAGE, 0, 0, 1, 1, 1]


def test_text_after_an_eos_sees_nothing_until_the_next_picture() -> None:
    ids = [EOS, IMAGE, 9, EOS, 9, IMAGE, 9]
    assert find_images(ids, image_id=IMAGE, eos_id=EOS) == [-1, 0, 0, 0, -1, 1, 1]


@given(st.lists(st.integers(-1, 5), min_size=1, max_size=40))
def test_tokens_are_gathered_by_label_and_scattered_back(labels: list[int]) -> None:
    groups = group_by(labels, num_groups=6, device=torch.device("cpu"))
    tokens = torch.arange(1, len(labels) + 1)[:, None, None].expand(-1, 2, 3).float()
    gathered = groups.gather(tokens)
    assert gathered.shape == (6, 2, groups.shape[1], 3)
    for group in range(6):
        mine = [index + 1 for index, label in enumerate(labels) if label == group]
        assert gathered[group, 0, : len(mine), 0].tolist() == mine
    seen = torch.tensor([label != NO_IMAGE for label in labels])[:, None, None]
    assert torch.equal(groups.scatter(gathered, len(labels)), tokens * seen)


def test_tokens_in_order_need_no_copy() -> None:
    tokens = torch.randn(6, 2, 3)
    groups = Groups((3, 2))
    assert groups.gather(tokens).data_ptr() == tokens.data_ptr()
    assert torch.equal(groups.scatter(groups.gather(tokens), 6), tokens)
