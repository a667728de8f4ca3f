"""How a score is read: the unit that it is printed in, and which way is better."""

from dataclasses import dataclass
from enum import StrEnum


class Unit(StrEnum):
    """What a score's natural value is printed in."""

    POINTS = "points"
    """Times 100, as papers print fractions (accuracies, areas, error rates, MRR) and CIDEr, whose
    natural value is 0..10."""
    PLAIN = "plain"
    """As it is: a mean rank, a perplexity, seconds, a count."""

    @property
    def factor(self) -> int:
        """What a natural value is multiplied by."""
        return 100 if self is Unit.POINTS else 1

    @property
    def digits(self) -> int:
        """Digits after the decimal point in a table; a list of one run's scores has one more."""
        return 1 if self is Unit.POINTS else 2


@dataclass(frozen=True, slots=True)
class Scale:
    """A score's unit and direction: whoever prints or judges a value asks these."""

    unit: Unit = Unit.POINTS
    higher_is_better: bool = True

    def __str__(self) -> str:
        return f"{self.direction}, {self.unit}"

    @property
    def direction(self) -> str:
        """The direction in words."""
        return f"{'higher' if self.higher_is_better else 'lower'} is better"

    @property
    def arrow(self) -> str:
        """What stands behind a score's name: nothing where higher is better, as readers expect."""
        return "" if self.higher_is_better else " ↓"

    def convert(self, value: float) -> float:
        """Return a natural value as papers print it."""
        return self.unit.factor * value

    def print(self, value: float, *, more_digits: int = 1, signed: bool = False) -> str:
        """Return a natural value in words, with `more_digits` than in a table."""
        digits = self.unit.digits + more_digits
        return f"{self.convert(value):{'+' if signed else ''}.{digits}f}"

    def improve(self, difference: float) -> float:
        """Return by how much a value got better that moved by `difference`; worse is negative."""
        return difference if self.higher_is_better else -difference


DEFAULT_SCALE = Scale()
"""Of most scores, and of all that say nothing else."""
