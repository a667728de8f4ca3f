"""A Ray cluster: started here or found, and quiet, since stdout holds the results alone."""

import logging
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from importlib import import_module
from typing import Any

from evals.errors import ConfigError
from evals.execution.sizes import Node

QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",  # nothing is sent anywhere
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # about to be Ray's default, of which it warns
}

KNOCK_SECONDS = 20.0


def import_ray() -> Any:
    """Import Ray: by name, so that type checkers do not walk through a package of this size.

    Raises:
        ConfigError: it is not installed.
    """
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    try:
        ray = import_module("ray")
        import_module("ray.exceptions")
    except ImportError as error:
        raise ConfigError(
            f"execution=ray needs a package that is not there ({error}): "
            "pip install 'idefics-evals[ray]'"
        ) from error
    return ray


@contextmanager
def connect(address: str | None) -> Iterator[Any]:
    """Give Ray, connected: to a cluster at an address, or to one of this machine that ends with it.

    Where this process has a connection already, that one is used, and left open.

    Raises:
        ConfigError: Ray is not installed, or there is no cluster at the address.
    """
    if address and address.startswith("ray://"):
        raise ConfigError(
            f"execution.address={address}: Ray Client passes no answers on as they come; run on a "
            "machine of the cluster, with execution.address=auto"
        )
    ray = import_ray()
    # Ray's threads print what they hear of dying machines, whatever `log_to_driver` says.
    with redirect_stdout(sys.stderr):
        if ray.is_initialized():
            yield ray
            return
        logging.getLogger("ray").setLevel(logging.ERROR)
        try:
            _knock(address)
            ray.init(
                address=address or "local",
                log_to_driver=False,
                logging_level=logging.ERROR,
                **({} if address else {"include_dashboard": False, "num_cpus": _count_cpus()}),
            )
        except (OSError, ValueError, RuntimeError) as error:
            if address is None:
                raise ConfigError(f"execution=ray: Ray cannot be started here ({error})") from error
            raise ConfigError(
                f"execution.address={address}: no Ray cluster can be reached ({error}); start one "
                "with `ray start --head`, or leave the address out for one on this machine"
            ) from error
        try:
            yield ray
        finally:
            ray.shutdown()


def _knock(address: str | None) -> None:
    """See that somebody listens: Ray itself takes two minutes to find out that nobody does.

    Raises:
        OSError: nobody does.
    """
    host, colon, port = (address or "").rpartition(":")
    if colon and port.isdecimal():
        socket.create_connection((host.strip("[]"), int(port)), timeout=KNOCK_SECONDS).close()


def _count_cpus() -> int | None:
    """Return how many cores a scheduler left to this process; `None` where it left all.

    Ray counts the machine's, or a container's share.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    return cores if cores and cores < (os.cpu_count() or 1) else None


def list_nodes(ray: Any) -> list[Node]:
    """Return the machines that are alive."""
    alive = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    return [Node(int(each.get("CPU", 0)), int(each.get("GPU", 0))) for each in alive]
