"""What a machine has and lacks for an evaluation: findings, each with the way out."""

from evals.doctor.examining import Check, list_checks, run_check
from evals.doctor.findings import Finding, Verdict

__all__ = ["Check", "Finding", "Verdict", "list_checks", "run_check"]
