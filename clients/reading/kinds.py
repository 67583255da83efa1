"""What is insured: the type of the policy."""

import re
from bisect import bisect_right
from collections.abc import Iterator
from itertools import islice

from clients.reading.carriers import Name
from clients.reading.found import Found
from clients.reading.grid import ABOVE, GAP, Cell, Grid, places

WORDS = {
    "umbrella": rf"umbrella|excess{GAP}liability|(?:personal{GAP})?catastrophe{GAP}liability",
    "commercial": (
        rf"commercial|business{GAP}?owners?'?s?|business{GAP}auto(?:mobile)?|business{GAP}insurance|bop|inland{GAP}marine"
        rf"|workers?'?s?{GAP}?comp(?:ensation)?|(?:general|professional|employers){GAP}liability|common{GAP}policy"
        rf"|farm{GAP}(?:&|and){GAP}ranch|farm{GAP}?owners?|garage{GAP}(?:policy|liability)|surety{GAP}bond"
        rf"|errors{GAP}(?:&|and){GAP}omissions|directors{GAP}(?:&|and){GAP}officers|cyber|builders?'?s?{GAP}risk"
    ),
    "renters": r"renter'?s?'?|tenant'?s?'?|ho[- ]?0?4",
    "home": (
        rf"home{GAP}?owner'?s?'?|dwelling|condo(?:minium)?(?:{GAP}(?:unit{GAP})?owner'?s?'?)?|(?:mobile|manufactured){GAP}?home"
        rf"(?:owners?)?|home{GAP}insurance|home{GAP}policy|residential{GAP}property|ho[- ]?0?[123568]|dp[- ]?0?[123]"
        rf"|landlord(?:'?s)?"
    ),
    "auto": (
        rf"auto(?:mobile|mobiles|s)?|motor{GAP}?cycle|car{GAP}(?:insurance|policy)|your{GAP}car|vehicles?|vin|collision"
    ),
    "life": r"life|annuity",
    "other": (
        rf"water{GAP}?craft|boat(?:owners?)?|yacht|pet|flood|earthquake|travel|jewelry|recreational{GAP}vehicle|rv"
        rf"|snowmobile|disability|long[- ]term{GAP}care|dental|health|medicare|accident|identity{GAP}theft"
        rf"|valuable{GAP}(?:items|articles)"
    ),
}
"""What each type is called, those first that hold when another's word is in the same phrase: a commercial umbrella is
an umbrella, a business's car is commercial."""
RANKS = list(WORDS)
KIND = re.compile(
    rf"(?<![\w-])(?:{'|'.join(f'(?P<{kind}>{pattern})' for kind, pattern in WORDS.items())})(?![\w-])", re.IGNORECASE
)
WEAK = re.compile(r"vehicle|vin|collision|accident|health|travel", re.IGNORECASE)
"""What other policies speak of too."""
LABEL = re.compile(
    rf"(?<![\w-])(?:(?:policy|insurance|coverage){GAP}type|(?:type|kind){GAP}of{GAP}(?:policy|insurance|coverage|business)"
    rf"|lines?{GAP}of{GAP}(?:business|insurance|coverage)|lob|plan(?:{GAP}of{GAP}insurance)?|product|kind|coverage|re"
    rf"|(?:your{GAP})?policy)(?=:|[ ]*\n|[ ]*\Z|[ ]{{2}})",
    re.IGNORECASE,
)
TITLES = {"declarations": 3, "declaration": 3, "policy": 2, "certificate": 1, "insurance": 1, "coverage": 1}
"""Words that make a line a title, and what that is worth to a type in it."""
ASIDE = re.compile(
    r"\b(?:underlying|discount|bundle|multi|other|prior|previous|also|vehicle|endorsement)\b", re.IGNORECASE
)
"""On a line: it may speak of another policy, or of what is insured by this one."""
TITLE_LENGTH = 90
MANY = 300
LABELLED = 5


def find_kind(grid: Grid, companies: list[Name]) -> dict[str, Found]:
    """The type by its label, by a title, or by what is spoken of; the first of equals. Names of companies do not
    count: not everybody who is insured with Granite Life insures a life there."""
    words = list(islice(_words(grid, companies), MANY))
    if not words:
        return {}
    labelled = set(_labelled(grid))

    def worth(spoken: tuple[re.Match[str], Cell]) -> tuple[float, int]:
        word, cell = spoken
        weak = WEAK.match(word[0]) is not None
        return _title(grid.said(cell)) + LABELLED * (cell.start in labelled) - weak, -cell.start

    _, line = max(words, key=worth)
    best = min((word for word, cell in words if cell == line), key=lambda word: (_rank(word), word.start()))
    return {"policy_type": Found(str(best.lastgroup), best.start(), best.end())}


def _rank(word: re.Match[str]) -> int:
    return RANKS.index(str(word.lastgroup))


def _words(grid: Grid, companies: list[Name]) -> Iterator[tuple[re.Match[str], Cell]]:
    """The words that name a type, each with the line it stands on, but those in the names of companies."""
    starts = [name.start for name in companies]
    for word in KIND.finditer(grid.text):
        before = bisect_right(starts, word.start()) - 1
        cell = grid.at(word.start())
        if cell and (before < 0 or companies[before].end <= word.start()):
            yield word, cell


def _title(said: str) -> float:
    if len(said) > TITLE_LENGTH:
        return 0
    worth = sum(TITLES.get(word.strip(".,:").lower(), 0) for word in said.split())
    return min(worth, LABELLED) - (2 if ASIDE.search(said) else 0)


def _labelled(grid: Grid) -> Iterator[int]:
    """Where the cells begin that stand at a label."""
    for label in islice(LABEL.finditer(grid.text), MANY):
        for place in islice(places(grid, label.start(), label.end()), 2):
            if place.nearness > ABOVE and (cell := grid.at(place.start) or grid.at(place.end - 1)):
                yield cell.start
