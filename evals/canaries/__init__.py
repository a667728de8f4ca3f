"""What is tried before a long run: a model that fails one would answer wrongly for days."""

from evals.canaries.checks import Canary, Outcome, run_canaries

__all__ = ["Canary", "Outcome", "run_canaries"]
