"""Where the files that travel with the package are: configs, references, the tiny checkpoint.

In a wheel they lie inside `evals/`; in a checkout configs/ and results/ stand at the top.
"""

from pathlib import Path

PACKAGE_DIR = Path(__file__).parent


def configs_dir() -> Path:
    return _first_existing(PACKAGE_DIR / "configs", PACKAGE_DIR.parent / "configs")


def references_dir() -> Path:
    return _first_existing(
        PACKAGE_DIR / "references", PACKAGE_DIR.parent / "results" / "references"
    )


def tiny_checkpoint_dir() -> Path:
    return PACKAGE_DIR / "mini" / "checkpoint"


def _first_existing(installed: Path, checkout: Path) -> Path:
    return installed if installed.is_dir() else checkout
