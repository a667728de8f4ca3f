"""Which executions there are, and what is refused before any worker starts."""

import socket
import sys
from typing import Any

import pytest

from evals.errors import ConfigError
from evals.execution import spread_model
from evals.execution.cluster import connect
from evals.execution.ray import RayExecution
from evals.models.specs import MockSpec
from tests.execution.toys import Unreadable


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"chunk_size": 0}, r"execution.chunk_size=0: at least 1"),
        ({"num_workers": 0}, r"execution.num_workers=0: at least 1"),
        ({"hang_seconds": 0}, r"execution.hang_seconds=0: at least 0.1"),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message), RayExecution(**settings).spread(MockSpec()):
        pass


def test_a_model_that_cannot_be_loaded_elsewhere_is_refused() -> None:
    with (
        pytest.raises(ConfigError, match="Unreadable does not say how prompts are read"),
        RayExecution().spread(Unreadable()),
    ):
        pass


def test_a_client_s_address_is_refused() -> None:
    with (
        pytest.raises(ConfigError, match="Ray Client passes no answers on"),
        RayExecution(address="ray://head:10001").spread(MockSpec()) as spec,
    ):
        spec.load()


def test_an_address_where_nobody_listens_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(ConfigError, match=f"execution.address={address}: no Ray cluster can be"):
        connect(address).__enter__()


def test_without_ray_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with (
        pytest.raises(ConfigError, match=r"pip install 'idefics-evals\[ray\]'"),
        RayExecution().spread(MockSpec()) as spec,
    ):
        spec.load()


@pytest.mark.parametrize(
    ("node", "message"),
    [
        ({"_target_": None, "chunk_size": 3}, "execution.chunk_size: of which execution"),
        ({"_target_": "pathlib.Path"}, "pathlib.Path is no execution"),
        ({"_target_": "nowhere.Execution"}, "nowhere.Execution"),
        ({"_target_": "evals.execution.ray.RayExecution", "colour": "red"}, "colour"),
    ],
)
def test_what_is_no_execution_is_refused(node: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message), spread_model(node, MockSpec()):
        pass


def test_without_an_execution_the_model_is_as_it_was() -> None:
    spec = MockSpec()
    for node in (None, {"_target_": None}):
        with spread_model(node, spec) as here:
            assert here is spec
