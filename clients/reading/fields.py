"""What a declaration page says, found in its text by rules.

Each rule knows what its field is called, where values stand about their names (clients.reading.grid), what its values
look like, and what is easily taken for them. What no rule is sure of is left out: a person fills it in.
"""

from clients.reading.bounds import MAX_CHARACTERS
from clients.reading.carriers import find_carrier, names
from clients.reading.dates import find_dates
from clients.reading.found import Found
from clients.reading.grid import Grid
from clients.reading.kinds import find_kind
from clients.reading.numbers import find_number


def find(text: str) -> dict[str, Found]:
    """By field of DeclarationPage.READ_FIELDS what was found, with its place in the text."""
    grid = Grid(text[:MAX_CHARACTERS])
    companies = names(grid)
    return {**find_carrier(grid, companies), **find_number(grid), **find_kind(grid, companies), **find_dates(grid)}
