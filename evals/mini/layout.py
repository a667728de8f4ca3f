"""Where things stand: a grid of three by three cells, each thing a little off its cell's middle."""

from random import Random

from evals.mini.drawing import COLORS, SHAPES, SIZE, Thing

CELL = SIZE // 3


def place(rng: Random, color: str, shape: str, *, column: int, row: int) -> Thing:
    """Put a shape into a cell of the grid, with a size and an offset of its own."""
    return Thing(
        color=color,
        shape=shape,
        x=CELL // 2 + CELL * column + rng.randint(-3, 3),
        y=CELL // 2 + CELL * row + rng.randint(-3, 3),
        radius=rng.randint(10, 13),
    )


def place_alone(rng: Random, color: str, shape: str, *, top: int = 0) -> Thing:
    """Put one large shape near the middle of what lies below `top`."""
    radius = rng.randint(20, 26)
    return Thing(
        color=color,
        shape=shape,
        x=SIZE // 2 + rng.randint(-14, 14),
        y=(SIZE + top) // 2 + rng.randint(-8, 8),
        radius=radius,
    )


def place_pair(rng: Random) -> tuple[Thing, Thing, str]:
    """Put two things of different colour and shape side by side or one above the other.

    Returns:
        The left (upper) thing, the right (lower) one, and `"row"` or `"column"`.
    """
    colors = rng.sample(list(COLORS), 2)
    shapes = rng.sample(SHAPES, 2)
    across = rng.randrange(3)
    if rng.random() < 0.5:
        first = place(rng, colors[0], shapes[0], column=0, row=across)
        return first, place(rng, colors[1], shapes[1], column=2, row=across), "row"
    first = place(rng, colors[0], shapes[0], column=across, row=0)
    return first, place(rng, colors[1], shapes[1], column=across, row=2), "column"


def place_group(rng: Random, *, shape: str, num_things: int, color: str | None) -> list[Thing]:
    """Put several things of one shape into different cells, of one colour or of any."""
    cells = rng.sample(range(9), num_things)
    return [
        place(rng, color or rng.choice(list(COLORS)), shape, column=cell % 3, row=cell // 3)
        for cell in cells
    ]
