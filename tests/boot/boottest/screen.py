# SPDX-License-Identifier: MIT
"""What a machine's screen shows, as text: root draws characters of its own font (root/io/font.c)."""
import os
import re

from . import monitor

CELL_WIDTH, CELL_HEIGHT = 8, 16
TOP, LEFT = 1, 1  # of a glyph in its cell; each row of the glyph is two of the screen
GLYPH_ROWS, GLYPH_COLUMNS = 7, 5
FONT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../root/io/font.c")
PPM = re.compile(rb"P6\s(\d+)\s\d+\s255\s")


def _font():
    """{rows of dots: character}"""
    with open(FONT, encoding="utf-8") as f:
        rows = re.findall(r"^    \{((?:0x[0-9a-f]{2}(?:, )?){7})\}", f.read(), re.MULTILINE)
    return {tuple(int(dots, 16) for dots in row.split(", ")): chr(ord(" ") + i)
            for i, row in enumerate(rows)}


def _picture(path):
    """Width, and whether each pixel of the PPM is lit."""
    with open(path, "rb") as f:
        data = f.read()
    head = PPM.match(data)
    return int(head.group(1)), [red > 127 for red in data[head.end()::3]]


def screen_text(vm):
    """The lines of the screen; a cell that is no character of the font is a '\\ufffd'."""
    path = os.path.join(vm.work, "screen.ppm")
    monitor.ask(vm, f"screendump {os.path.relpath(path)}")
    width, lit = _picture(path)
    font = _font()

    def glyph(row, column):
        corner = (row * CELL_HEIGHT + TOP) * width + column * CELL_WIDTH + LEFT
        return tuple(
            sum(lit[corner + 2 * y * width + x] << (GLYPH_COLUMNS - 1 - x)
                for x in range(GLYPH_COLUMNS))
            for y in range(GLYPH_ROWS))

    return ["".join(font.get(glyph(row, column), "\ufffd") for column in range(width // CELL_WIDTH))
            for row in range(len(lit) // width // CELL_HEIGHT)]
