"""Hub data sets, without a hub and without the user's cache."""

from pathlib import Path

import pytest


@pytest.fixture
def offline_hub(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep `datasets` off the network, its cache in a folder of its own, which is returned."""
    import datasets

    folder = tmp_path_factory.mktemp("hub-cache")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", folder)
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    datasets.disable_progress_bars()
    return folder
