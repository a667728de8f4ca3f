from collections.abc import Callable

import pytest

from tests.models.idefics.processes import list_children


@pytest.fixture
def find_processes() -> Callable[[], set[int]]:
    """Return the children that were started since the test began.

    Tests before it may have left some: multiprocessing's resource tracker lives as long as pytest.
    """
    before = list_children()
    return lambda: list_children() - before
