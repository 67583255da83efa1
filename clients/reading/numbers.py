"""The policy number."""

import re
from itertools import islice

from clients.reading.dates import DATE
from clients.reading.found import Found
from clients.reading.grid import BELOW, GAP, Grid, Place, place_above, places

LABEL = re.compile(
    rf"(?<![\w-])(?:policy|pol\.?|contract|certificate)(?:{GAP}?/{GAP}?\w+)?{GAP}"
    rf"(?:(?:identification{GAP}|id{GAP})?(?:numbers?|no\.?|nbr\.?|num\.?)|\#|id)(?:\(s\))?(?!\w)"
    r"|(?<![\w-])policy#|(?<![\w-])policy(?!\w)",
    re.IGNORECASE,
)
FILLER = re.compile(r"[\s:.#-]*(?:(?:is|number|no|nbr)(?!\w)[\s:.#]*)?", re.IGNORECASE)
_PART = r"[A-Z0-9]+(?:[-/.][A-Z0-9]+)*"
NUMBER = re.compile(rf"(?:[A-Z]{{1,6}} )?{_PART}(?: {_PART}){{0,5}}(?![\w])")
FOREIGN = re.compile(
    r"\b(?:prior|previous|previously|former|old|expiring|expired|underlying|other|replaces|replaced|replacing|supersedes"
    r"|renewal of|renews|companion|group|master|sample)\b[^:.\n]{0,20}\Z",
    re.IGNORECASE,
)
"""Before a label: it is another policy's number."""
MANY = 60
LONGEST = 50


def find_number(grid: Grid) -> dict[str, Found]:
    """The number by the label that says most clearly whose it is; the first of equals."""
    best: tuple[float, Found] | None = None
    for label in islice(LABEL.finditer(grid.text), MANY):
        if FOREIGN.search(grid.text, max(0, label.start() - 40), label.start()):
            continue
        bare = label[0].lower() == "policy"
        found = _beside_or_below(grid, label, bare=bare) or (None if bare else _above(grid, label))
        if found and (best is None or found[0] > best[0]):
            best = found
    return {"policy_number": best[1]} if best else {}


def _beside_or_below(grid: Grid, label: re.Match[str], *, bare: bool) -> tuple[float, Found] | None:
    for place in places(grid, label.start(), label.end()):
        if bare and place.nearness <= BELOW:
            return None
        if number := _number(grid.text, place):
            return place.nearness - (1.5 if bare else 0), number
    return None


def _above(grid: Grid, label: re.Match[str]) -> tuple[float, Found] | None:
    place = place_above(grid, label.start())
    number = _number(grid.text, place) if place else None
    return (place.nearness, number) if place and number else None


def _number(text: str, place: Place) -> Found | None:
    """The number at a place: capitals and digits, three digits of them at least, and no date among them."""
    filler = FILLER.match(text, place.start, place.end)
    start = filler.end() if filler else place.start
    match = NUMBER.match(text, start, place.end)
    if match is None:
        return None
    parts = match[0].split(" ")
    while parts and not re.search(r"\d", parts[-1]):
        parts.pop()
    value = " ".join(parts)
    date = DATE.search(text, start, start + len(value) + 12)
    if date and date.start() < start + len(value):
        value = text[start : date.start()].rstrip()
    if sum(map(str.isdigit, value)) < 3 or not 5 <= len(value) <= LONGEST:
        return None
    return Found(value, start, start + len(value))
