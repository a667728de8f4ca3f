"""The mini benchmarks, made once for all tests."""

from pathlib import Path

import pytest

from evals.files import cache_dir
from evals.mini import ensure_mini


@pytest.fixture(scope="session")
def mini_root(isolated_cache: Path) -> Path:
    return ensure_mini(cache_dir())
