"""Ray clusters of several nodes on this machine, and sessions whose model answers there."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from evals.compose import compose_config
from evals.config import parse_config
from evals.execution import spread_model
from evals.execution.cluster import import_ray
from evals.execution.crew import Crew
from evals.execution.model import SpreadModel
from evals.runner import Session
from tests.runner.calls import Silent

RAYS_OWN = {"RAY_AUTH_MODE": "disabled", "RAY_USAGE_STATS_ENABLED": "0"}
"""Without a token in the user's home folder, and without telling anybody."""
MARK = "EVALS_TEST_CLUSTER"
"""All processes of a cluster have it in their environment."""


@contextmanager
def start_cluster(*, num_nodes: int) -> Iterator[Any]:
    """Start nodes of one CPU each, and connect to them; none outlives the context."""
    with pytest.MonkeyPatch.context() as patch:
        mark = uuid4().hex
        for name, value in {**RAYS_OWN, MARK: mark}.items():
            patch.setenv(name, value)
        ray = import_ray()
        from ray.cluster_utils import Cluster

        cluster = Cluster(
            initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False}
        )
        try:
            for _ in range(num_nodes - 1):
                cluster.add_node(num_cpus=1)
            ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")
            yield cluster
        finally:
            ray.shutdown()
            cluster.shutdown()
        assert not list_marked(mark)


def list_marked(mark: str) -> list[int]:
    """Return the processes that were started with a mark in their environment, save this one."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if f"{MARK}={mark}".encode() in path.read_bytes():
                found.append(int(path.parent.name))
    return [pid for pid in found if pid != os.getpid()]


@contextmanager
def open_spread(*words: str) -> Iterator[Session]:
    """Open a session as `evals run` does."""
    settings = parse_config(compose_config(words))
    with spread_model(settings.values["execution"], settings.model) as model:
        yield Session(replace(settings, model=model), Silent())


def find_crew(session: Session) -> Crew:
    assert isinstance(session.model, SpreadModel)
    return session.model.crew


def list_processes(session: Session) -> list[int]:
    """Return the processes of the workers that are ready."""
    crew = find_crew(session)
    return [member.place.pid for member in crew.members if member.place and member.awaited is None]
