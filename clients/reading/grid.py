"""Text as rows of cells, so that a rule can say: beside this, below that."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

NEW_PAGE = "\f"
CELL = re.compile(r"\S+(?: \S+)*")
GAP = r"(?: |\n[ ]{0,200})"
"""Between two words of one phrase: a blank, or the turn of a line."""
ROWS_BELOW = 3
AFFIX = 30
"""Characters that may stand in a label's cell before or after it, and it still is a label for what is below."""
PROSE = 45
"""Characters from which on a cell is taken for a line of running text."""


@dataclass(frozen=True, slots=True)
class Cell:
    """What stands together on a line, two blanks or more from anything else."""

    start: int
    """Where it begins in the text; `end` likewise."""
    end: int
    row: int
    left: int
    """The column in which it begins; `right` is that behind its last letter."""
    right: int


class Grid:
    """A text, and its cells."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.cells: list[Cell] = []
        self._rows: list[list[Cell]] = []
        start = 0
        for line in text.split("\n"):
            self._add(line, start)
            start += len(line) + 1
        self._starts = [cell.start for cell in self.cells]

    def _add(self, line: str, start: int) -> None:
        if line == NEW_PAGE:
            self._rows += [[]] * ROWS_BELOW  # nothing stands below what ends a page
            return
        row = [
            Cell(start + found.start(), start + found.end(), len(self._rows), found.start(), found.end())
            for found in CELL.finditer(line)
        ]
        if row:
            self._rows.append(row)
            self.cells += row

    def said(self, cell: Cell) -> str:
        return self.text[cell.start : cell.end]

    def at(self, offset: int) -> Cell | None:
        """The cell that holds this place of the text."""
        index = bisect_right(self._starts, offset) - 1
        return self.cells[index] if index >= 0 and offset < self.cells[index].end else None

    def right_of(self, cell: Cell) -> Cell | None:
        index = bisect_right(self._starts, cell.start)
        after = self.cells[index] if index < len(self.cells) else None
        return after if after and after.row == cell.row else None

    def left_of(self, cell: Cell) -> Cell | None:
        index = bisect_left(self._starts, cell.start) - 1
        before = self.cells[index] if index >= 0 else None
        return before if before and before.row == cell.row else None

    def goes_on(self, cell: Cell) -> Cell | None:
        """Where a line of this column goes on, if it does: in the cell under it that is not indented."""
        return next((one for one in self.below(cell) if one.left <= cell.left + 1), None)

    def below(self, cell: Cell) -> Iterator[Cell]:
        """The two nearest cells that begin under this one or reach under it, in the next rows."""
        rows = self._rows[cell.row + 1 : cell.row + 1 + ROWS_BELOW]
        return islice((beneath for row in rows for beneath in self._beneath(cell, row)), 2)

    def above(self, cell: Cell) -> Cell | None:
        row = self._rows[cell.row - 1] if cell.row else []
        return next(self._beneath(cell, row), None)

    def _beneath(self, cell: Cell, row: list[Cell]) -> Iterator[Cell]:
        index = bisect_left(row, cell.left + 1, key=lambda one: one.right)
        if index < len(row) and row[index].left < cell.right:
            yield row[index]


@dataclass(frozen=True, slots=True)
class Place:
    """Where the value of a label may stand: from `start` up to `end`."""

    start: int
    end: int
    nearness: int


BESIDE, BELOW, ABOVE = 3, 2, 1


def places(grid: Grid, start: int, end: int) -> Iterator[Place]:
    """Where the value of the label at `start` up to `end` may stand, the likeliest first."""
    cell = grid.at(start)
    if cell is None:
        return
    last = grid.at(end - 1) or cell
    rest = grid.text[end : last.end]
    if rest.strip(" :.#-"):
        yield Place(end, last.end, BESIDE)
    if len(rest) > PROSE or last.right - last.left > PROSE:
        if after := grid.goes_on(last):
            yield Place(after.start, after.end, BESIDE)
        return
    if not rest.strip(" :.#-()") and (beside := grid.right_of(last)):
        yield Place(beside.start, beside.end, BESIDE)
    if start - cell.start > AFFIX or len(rest) > AFFIX:
        return
    for beneath in grid.below(cell):
        yield Place(beneath.start, beneath.end, BELOW)


def place_above(grid: Grid, start: int) -> Place | None:
    """Where the value of a label stands that is a caption."""
    cell = grid.at(start)
    over = grid.above(cell) if cell else None
    return Place(over.start, over.end, ABOVE) if over else None
