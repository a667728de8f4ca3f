from pathlib import Path

import pytest

from evals.compose import compose_config
from evals.config import narrow_config, parse_config
from evals.errors import ConfigError
from evals.report.listing import render_list
from evals.resources import configs_dir
from evals.trackers import Tracker, open_tracker
from tests.report.test_listing import render

NAMES = sorted(path.stem for path in (configs_dir() / "tracker").glob("*.yaml"))


def compose(*words: str) -> Tracker | None:
    return open_tracker(compose_config(words)["tracker"])


def test_there_is_none_unless_it_is_named() -> None:
    assert compose() is None
    assert compose("tracker=none") is None
    assert open_tracker(None) is None


@pytest.mark.parametrize("name", sorted({*NAMES} - {"none"}))
def test_a_yaml_says_all_that_can_be_set_with_its_default(name: str) -> None:
    node = dict(compose_config([f"tracker={name}"])["tracker"])
    words = {"wandb": ["tracker.mode=offline"], "mlflow": ["tracker.tracking_uri=http://host"]}
    made = compose(f"tracker={name}", *words.get(name, []))
    assert f"{type(made).__module__}.{type(made).__name__}" == node.pop("_target_")
    defaults = type(made)()
    assert set(node) == set(type(made).__slots__)  # type: ignore[attr-defined]
    for key, value in node.items():
        default = getattr(defaults, key)
        assert value == (list(default) if isinstance(default, tuple) else default)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("+tracker.dir=x",), "tracker.dir: of which tracker"),
        (("tracker._target_=pathlib.Path",), "pathlib.Path is no tracker: it needs the methods"),
        (("tracker._target_=nowhere.Tracker",), "nowhere.Tracker"),
        (("tracker=tensorboard", "+tracker.colour=red"), "colour"),
        (("tracker=tensorboard", "tracker.colour=red"), "colour"),
        (("tracker=mlfow",), "tracker/mlfow"),
    ],
)
def test_a_mistake_is_told_before_the_run(words: tuple[str, ...], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        compose(*words)


def test_a_run_folder_knows_of_no_tracker(tmp_path: Path) -> None:
    words = ("task=okvqa", "model=mock", "data_dir=data")
    kept = []
    for tracker in ("none", "mlflow"):
        settings = parse_config(compose_config([*words, f"tracker={tracker}"]))
        kept.append(narrow_config(settings, settings.tasks[0], shots=0, seed=0))
    assert kept[0] == kept[1]
    assert kept[0]["tracker"] is None


def test_trackers_are_listed_with_their_settings() -> None:
    text = render("trackers")
    first_words = {line.split()[0] for line in text.splitlines() if line[:1].strip()}
    assert set(NAMES) <= first_words
    assert "Weights & Biases: a run for each seed, shots as steps" in text
    assert "tracker.tracking_uri" in text
    assert render_list("trackers", config_dir=configs_dir())
