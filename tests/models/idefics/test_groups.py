"""Which picture each token looks at, and tokens grouped by it."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from evals.models.idefics.groups import NO_IMAGE, find_images, group_by_image

IMAGE, EOS = 1, 2


def test_a_token_looks_at_the_last_picture_before_it() -> None:
    ids = [9, IMAGE, 9, IMAGE, 9, 9]
    assert find_images(ids, image_id=IMAGE, eos_id=EOS) == [NO_IMAGE, 0, 0, 1, 1, 1]


def test_text_after_an_eos_sees_nothing_until_the_next_picture() -> None:
    ids = [EOS, IMAGE, 9, EOS, 9, IMAGE, 9]
    assert find_images(ids, image_id=IMAGE, eos_id=EOS) == [-1, 0, 0, 0, -1, 1, 1]


@given(
    st.integers(1, 4).flatmap(
        lambda width: st.lists(
            st.lists(st.integers(-1, 5), min_size=width, max_size=width), min_size=1, max_size=4
        )
    )
)
def test_every_token_that_sees_is_in_its_pictures_group_once(rows: list[list[int]]) -> None:
    image_of_token = torch.tensor(rows)
    groups = group_by_image(image_of_token, device=torch.device("cpu"))
    found = torch.full((image_of_token.numel(),), NO_IMAGE)
    image_of_slot = groups.images[:, None].expand_as(groups.members).flatten()
    assert torch.equal(groups.members.flatten()[groups.slots], groups.tokens)
    found[groups.tokens] = image_of_slot[groups.slots]
    assert torch.equal(found.view_as(image_of_token), image_of_token)
    tokens, images = groups.tokens.tolist(), groups.images.tolist()
    assert len(tokens) == len(set(tokens)) == int((image_of_token >= 0).sum())
    assert len(images) == len(set(images))
