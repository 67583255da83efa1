"""Letters and where they stand on a page, set as lines of text that keep the page's columns.

A label stays beside, above or below its value as it does on paper: what is apart on a line is apart by two blanks or
more, and what is below something begins at about the same column.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

LETTER_GAP, WORD_GAP, CELL_GAP = 0.12, 0.25, 1.0
"""How far apart, in heights of the letters, are letters of a word drawn one by one, words, and cells."""
SAME_LINE = 0.3
MAX_COLUMN = 400


@dataclass(slots=True)
class Run:
    """Letters that stand close to each other on one line: first a single one, then what was joined to it."""

    text: str
    left: float
    right: float
    base: float
    """The height of the line they stand on, upwards."""
    size: float
    quarter: int = 0
    """How many quarter turns the page must be turned to read them."""
    blank_before: bool = False


def text_from(letters: Iterable[Run]) -> str:
    """The text of one page, from its letters in the order in which the file draws them."""
    turned: dict[int, list[Run]] = {}
    for run in _joined(letters):
        turned.setdefault(run.quarter, []).append(run)
    ways = sorted(turned.values(), key=lambda runs: -sum(len(run.text) for run in runs))
    return "\n\n".join(_lines(runs) for runs in ways)


def _joined(letters: Iterable[Run]) -> list[Run]:
    """Letters that follow each other, joined into runs."""
    runs: list[Run] = []
    for letter in letters:
        if runs and _follows(runs[-1], letter):
            _join(runs[-1], letter)
        else:
            runs.append(letter)
    return runs


def _follows(run: Run, after: Run) -> bool:
    size = max(run.size, after.size)
    level = run.quarter == after.quarter and abs(run.base - after.base) <= SAME_LINE * size
    return level and -SAME_LINE * size <= after.left - run.right < CELL_GAP * size


def _join(run: Run, after: Run, word_gap: float = WORD_GAP) -> None:
    size = min(run.size, after.size)
    if after.blank_before or after.left - run.right > word_gap * size:
        run.text += " "
    run.text += after.text
    run.right = max(run.right, after.right)
    run.size = max(run.size, after.size)


def _lines(runs: list[Run]) -> str:
    """Runs that are read the same way up, line below line."""
    left = min(run.left for run in runs)
    column = 0.4 * median(run.size for run in runs)
    rows: list[list[Run]] = []
    for run in sorted(runs, key=lambda run: -run.base):
        if rows and rows[-1][0].base - run.base <= SAME_LINE * max(rows[-1][0].size, run.size):
            rows[-1].append(run)
        else:
            rows.append([run])
    lines: list[str] = []
    above = rows[0][0]
    for row in rows:
        if above.base - row[0].base > 2.2 * max(above.size, row[0].size):
            lines.append("")
        above = row[0]
        lines.append(_line(row, left, column))
    return "\n".join(lines)


def _line(row: list[Run], left: float, column: float) -> str:
    cells: list[Run] = []
    for run in sorted(row, key=lambda run: run.left):
        if cells and run.left - cells[-1].right < CELL_GAP * min(cells[-1].size, run.size):
            _join(cells[-1], run, LETTER_GAP)
        else:
            cells.append(run)
    line = ""
    for cell in cells:
        at = min(math.floor((cell.left - left) / column), MAX_COLUMN)
        line = line.ljust(max(at, len(line) + 2) if line else at) + cell.text
    return line


def upright(quarter: int, x: float, y: float) -> tuple[float, float]:
    """A point of the page after so many quarter turns."""
    return ((x, y), (-y, x), (-x, -y), (y, -x))[quarter]
