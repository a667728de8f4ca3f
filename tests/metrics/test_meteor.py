"""METEOR's process: golden scores image by image, odd captions between them, and its end."""

from pathlib import Path

import pytest

from evals.errors import ConfigError
from evals.metrics.meteor import meteor
from tests.metrics.golden import read_json

ODD = [
    ("", ["a cat"], 0.0),
    ("a ||| b", ["a b", "||| c"], 1.0),
    ("ein café 日本", ["ein café 日本"], 1.0),
    ("a dog runs", ["a cat sits", ""], pytest.approx(0.0571, abs=1e-4)),
]
"""Empty captions, the protocol's own separator, other scripts."""


def test_sixty_images_and_odd_captions_keep_in_step(
    golden_dir: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The user's locale, German here, writes numbers with a comma; Java must not."""
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    golden = read_json(golden_dir / "coco_caption_60.json")
    odd, references, expected = (list(column) for column in zip(*ODD, strict=True))
    scored = meteor(odd + golden["pred_ptb"], references + golden["refs_ptb"])
    assert scored.per_caption[: len(ODD)] == expected
    assert scored.per_caption[len(ODD) :] == golden["per_image"]["METEOR"]
    assert capfd.readouterr() == ("", "")


def test_a_java_that_fails_is_reported_with_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_TOOL_OPTIONS", "-XX:NoSuchOption")
    with pytest.raises(ConfigError, match=r"failed to run METEOR.*2 GB.*NoSuchOption"):
        meteor(["a cat"], [["a cat"]])
