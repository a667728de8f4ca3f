"""Fixtures that every test may use: golden data, real pictures, an isolated cache."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# A failure comes back: examples are drawn by the test's name, and a busy machine is no failure. To
# search further, run pytest with
# --hypothesis-profile=default.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")

REPOSITORY = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def golden_dir() -> Path:
    """Real annotations with the official scorers' scores; users do not have them."""
    folder = Path(os.environ.get("EVALS_GOLDEN_DIR", REPOSITORY / ".." / "shared" / "golden"))
    if not folder.is_dir():
        pytest.skip(f"golden data not found at {folder}; set EVALS_GOLDEN_DIR")
    return folder.resolve()


@pytest.fixture(scope="session")
def shared_data_dir() -> Path:
    """Real photographs in official formats; users do not have them."""
    folder = Path(os.environ.get("EVALS_SHARED_DATA_DIR", REPOSITORY / ".." / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"real pictures not found at {folder}; set EVALS_SHARED_DATA_DIR")
    return folder.resolve()


@pytest.fixture(scope="session", autouse=True)
def isolated_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keep what tests cache out of the user's cache folder."""
    folder = tmp_path_factory.mktemp("cache")
    os.environ["EVALS_CACHE_DIR"] = str(folder)
    return folder
