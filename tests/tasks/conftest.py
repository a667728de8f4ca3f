"""Fixtures of the tasks' tests."""

from tests.data.conftest import offline_hub

__all__ = ["offline_hub"]
