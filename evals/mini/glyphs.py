"""Letters of five by seven dots, so that a drawn word has the same pixels on every machine.

A font file would depend on the FreeType that Pillow was built with.
"""

from PIL import Image, ImageDraw

WIDTH, HEIGHT = 5, 7
ADVANCE = WIDTH + 1
"""Columns from one letter to the next."""

_ROWS = {
    "A": "0E 11 11 1F 11 11 11",
    "B": "1E 11 11 1E 11 11 1E",
    "C": "0E 11 10 10 10 11 0E",
    "D": "1E 11 11 11 11 11 1E",
    "E": "1F 10 10 1E 10 10 1F",
    "F": "1F 10 10 1E 10 10 10",
    "G": "0E 11 10 17 11 11 0F",
    "H": "11 11 11 1F 11 11 11",
    "I": "0E 04 04 04 04 04 0E",
    "J": "07 02 02 02 02 12 0C",
    "K": "11 12 14 18 14 12 11",
    "L": "10 10 10 10 10 10 1F",
    "M": "11 1B 15 15 11 11 11",
    "N": "11 19 19 15 13 13 11",
    "O": "0E 11 11 11 11 11 0E",
    "P": "1E 11 11 1E 10 10 10",
    "Q": "0E 11 11 11 15 12 0D",
    "R": "1E 11 11 1E 14 12 11",
    "S": "0F 10 10 0E 01 01 1E",
    "T": "1F 04 04 04 04 04 04",
    "U": "11 11 11 11 11 11 0E",
    "V": "11 11 11 11 0A 0A 04",
    "W": "11 11 11 15 15 1B 11",
    "X": "11 11 0A 04 0A 11 11",
    "Y": "11 11 0A 04 04 04 04",
    "Z": "1F 01 02 04 08 10 1F",
    "0": "0E 11 13 15 19 11 0E",
    "1": "04 0C 04 04 04 04 0E",
    "2": "0E 11 01 06 08 10 1F",
    "3": "1E 01 01 0E 01 01 1E",
    "4": "02 06 0A 12 1F 02 02",
    "5": "1F 10 1E 01 01 11 0E",
    "6": "06 08 10 1E 11 11 0E",
    "7": "1F 01 02 02 04 04 04",
    "8": "0E 11 11 0E 11 11 0E",
    "9": "0E 11 11 0F 01 02 0C",
    " ": "00 00 00 00 00 00 00",
}
"""Letter -> its seven rows from the top, each a hexadecimal number of five bits."""


def text_size(text: str, *, dot: int) -> tuple[int, int]:
    """Return the width and height in pixels of a line whose dots are `dot` pixels wide."""
    return (ADVANCE * len(text) - 1) * dot, HEIGHT * dot


def draw_text(
    image: Image.Image, text: str, *, x: int, y: int, dot: int, color: tuple[int, int, int]
) -> None:
    """Draw one line in capitals with its top left corner at (x, y)."""
    draw = ImageDraw.Draw(image)
    for index, letter in enumerate(text.upper()):
        for row, bits in enumerate(bytes.fromhex(_ROWS[letter])):
            for column in range(WIDTH):
                if bits & (1 << (WIDTH - 1 - column)):
                    left = x + (index * ADVANCE + column) * dot
                    top = y + row * dot
                    draw.rectangle((left, top, left + dot - 1, top + dot - 1), fill=color)
