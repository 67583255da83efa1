"""The insurer, among all the companies that a page names."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from clients.reading.found import Found
from clients.reading.grid import GAP, PROSE, Cell, Grid, Place, place_above, places

TOKEN = re.compile(r"[^\s,;:()]+")
INSURER = {
    "insurance", "assurance", "indemnity", "casualty", "mutual", "underwriters", "reciprocal", "lloyds", "lloyd's",
    "surety", "reinsurance", "insurers",
}  # fmt: skip
"""Words that an insurer's name has."""
WEAK_INSURER = {"life", "fire", "fidelity", "exchange", "annuity", "bureau", "society"}
"""Words that others may have too, and count where one that stands for a company comes after."""
FORM = {
    "company", "co", "corp", "corporation", "inc", "incorporated", "ltd", "limited", "association", "assn", "society",
    "exchange", "group", "companies", "underwriters", "lloyds", "mutual", "trust", "se", "plc",
}  # fmt: skip
"""Words after the one that says what it does, still of the name."""
OTHER_TRADE = {
    "agency", "agencies", "agent", "agents", "broker", "brokers", "brokerage", "services", "service", "solutions",
    "advisors", "advisers", "bank", "banking", "mortgage", "credit", "savings", "lending", "loan", "loans", "finance",
    "llc", "associates", "consultants", "partners", "department", "commissioner", "institute", "bureau,", "funding",
}  # fmt: skip
"""Words that the names of agencies, banks and authorities have, and an insurer's has not."""
JOINING = {"of", "and", "&", "the", "for", "de", "a", "at"}
STOPS = {
    "by", "in", "with", "from", "to", "your", "our", "this", "policy", "is", "declarations", "declaration", "page",
    "insurer", "insured", "issued", "underwritten", "provided", "coverage", "named", "dear", "agrees", "company's",
}  # fmt: skip
"""Words that end a name, also where a page is all capitals."""
GENERIC = {"plan", "type", "evidence", "certificate", "schedule", "kind", "summary", "proof", "date", "amount", "line"}
"""Words that begin no name: `Plan of Insurance`."""
LINES = {
    "auto", "automobile", "home", "homeowners", "renters", "condo", "life", "term", "umbrella", "flood", "pet", "boat",
    "commercial", "business", "personal", "family", "general", "property", "liability", "workers", "workers'",
    "compensation", "employers", "package", "group", "health", "accident", "travel", "title", "private", "mortgage",
}  # fmt: skip
"""Words that say what is insured: alone before `Insurance` they make a title and no name."""
ABBREVIATED = {"co", "corp", "inc", "ltd", "assn"}
LABEL = re.compile(
    rf"(?<![\w-])(?:(?:name{GAP}of{GAP})?(?:insurer|insurance{GAP}(?:company|carrier)|issuing{GAP}company|carrier)"
    rf"|(?:writing|underwriting|insuring|issuing|member|insurance){GAP}(?:company|carrier)|company(?:{GAP}name)?"
    rf"|(?:(?:is|are){GAP})?(?:underwritten|issued|insured|offered|written){GAP}(?:by|through)|underwriter"
    rf"|(?:insurance|coverage|policy)?(?:{GAP}(?:is|are))?{GAP}provided{GAP}(?:by|in)(?:{GAP}the)?"
    rf"|(?:in|with|placed{GAP}with){GAP}(?:the{GAP})?company)(?!\w)",
    re.IGNORECASE,
)
FOREIGN = re.compile(
    r"\b(?:prior|previous|previously|former|other|old|expiring|mortgage|finance|leasing|title|policy (?:of|with|from)"
    r"|replaces|agency|agent|producer|broker|mortgagee|lienholder|lien holder|loss payee|additional interest|lender"
    r"|payable to|reinsurance|underlying)\b[^.\n]{0,30}\Z",
    re.IGNORECASE,
)
"""Before a name or a label: it is that of somebody else."""
US = re.compile(r"\W{0,3}(?:we\b|herein|hereinafter|called|the company|us\b)", re.IGNORECASE)
MANY = 60
LONGEST = 120
TOP = 4
"""Rows at the top, in which a letterhead stands."""


@dataclass(frozen=True, slots=True)
class Name:
    """A company that is named somewhere."""

    said: str
    start: int
    end: int
    insurer: bool
    """Whether it is called as insurers are; as an agency or a bank is, if not."""


def find_carrier(grid: Grid, companies: list[Name]) -> dict[str, Found]:
    """The insurer by its label; else the likeliest of the names that insurers have."""
    named = [name for name in companies if name.insurer]
    candidates = [*_labelled(grid), *((_worth(grid, name, named), name) for name in named)]
    score, best = max(candidates, key=lambda one: (one[0], -one[1].start), default=(0, None))
    return {"carrier": Found(best.said, best.start, best.end)} if best and score > 0 else {}


def names(grid: Grid) -> list[Name]:
    """Every company named, by the words that their names have."""
    named: list[Name] = []
    covered: dict[Cell, int] = {}
    for cell in grid.cells:
        after = grid.goes_on(cell) if cell.end - cell.start > PROSE else None
        for name in _names_in(grid, cell.start, cell.end, after):
            if covered.get(cell, 0) <= name.start < cell.end:
                named.append(name)
                if after and name.end > after.start:
                    covered[after] = name.end
    return named


def _names_in(grid: Grid, start: int, end: int, after: Cell | None = None) -> Iterator[Name]:
    """The names between two places, and on in the cell in which the line goes on."""
    tokens = list(TOKEN.finditer(grid.text, start, end))
    if after:
        tokens += TOKEN.finditer(grid.text, after.start, min(after.end, after.start + LONGEST))
    run: list[re.Match[str]] = []
    for token in tokens:
        turned = after is not None and token.start() == after.start
        if run and not _goes_on(run[-1], token, turned=turned):
            yield from _named(run)
            run = []
        if run or _begins_name(token[0]):
            run.append(token)
    yield from _named(run)


def _begins_name(word: str) -> bool:
    return (word[0].isupper() or word[0].isdigit()) and _plain(word) not in STOPS | JOINING - {"the", "a"}


def _goes_on(last: re.Match[str], token: re.Match[str], *, turned: bool) -> bool:
    """Whether a word is still of the name that the last one is of; `turned` where a new line begins with it."""
    word, between = _plain(token[0]), "" if turned else token.string[last.end() : token.start()]
    if word in STOPS or (turned and _plain(last[0]) in FORM and word not in INSURER | FORM | {"of"}):
        return False
    if between.strip():  # only `, Inc.` comes after a comma
        return between.strip() == "," and word in {"inc", "llc", "ltd", "na", "n.a", "limited"}
    if last[0].endswith(".") and _plain(last[0]) not in FORM and len(last[0]) > 3:
        return False
    return word in JOINING or token[0][0].isupper() or token[0][0].isdigit()


def _plain(word: str) -> str:
    return word.lower().strip(".'\"’")


def _named(run: list[re.Match[str]]) -> Iterator[Name]:
    """The name in a run of words that may be names: up to the last word that a company's name has."""
    words = [_plain(token[0]) for token in run]
    last = next((at for at in reversed(range(len(words))) if words[at] in INSURER | FORM | OTHER_TRADE), -1)
    trade = any(word in OTHER_TRADE for word in words)
    weak = last >= 0 and words[last] in FORM | WEAK_INSURER and not WEAK_INSURER.isdisjoint(words[:last])
    if not (trade or weak or not INSURER.isdisjoint(words[: last + 1])):
        return
    last = _last(run, words, last)
    own = set(words[: last + 1]) - INSURER - FORM - JOINING - OTHER_TRADE
    if words[last] not in FORM:
        own -= LINES
    if not own or words[0] in GENERIC:
        return
    end = run[last][0].rstrip(".'\"") + ("." if words[last] in ABBREVIATED and run[last][0].endswith(".") else "")
    said = _spaced([*(token[0] for token in run[:last]), end], run)
    if len(said) <= LONGEST:
        yield Name(said, run[0].start(), run[last].start() + len(end), insurer=not trade)


def _spaced(words: list[str], run: list[re.Match[str]]) -> str:
    """The words, with the comma that may stand before `Inc.`"""
    text = run[0].string
    commas = ("," if text[one.end() : one.end() + 1] == "," else "" for one in run)
    return " ".join(word + comma for word, comma in zip(words, commas, strict=False)).rstrip(",")


def _last(run: list[re.Match[str]], words: list[str], last: int) -> int:
    """Where a name ends that says more after its kind: `… Mutual Life`, `… Company of New York`."""
    while words[last + 1 : last + 2] and words[last + 1] in WEAK_INSURER:
        last += 1
    if words[last + 1 : last + 2] != ["of"] or len(words) < last + 3:
        return last
    last += 2
    for at in range(last + 1, min(last + 3, len(words))):
        if words[at] in JOINING or run[at].start() > run[at - 1].end() + 1:
            break
        last = at
    return last


def _worth(grid: Grid, name: Name, named: list[Name]) -> float:
    """How likely a name without a label is the insurer's."""
    text = grid.text
    if _foreign(grid, name.start):
        return -1
    cell = grid.at(name.start)
    score = 1.0
    if cell and cell.row < TOP:
        score += 0.5
    if cell and cell.start == name.start and cell.end <= name.end + 1:  # alone, as a letterhead is
        score += 0.5
    if US.match(text, name.end, name.end + 30):
        score += 1
    if any(other is not name and other.said.casefold() == name.said.casefold() for other in named[:MANY]):
        score += 0.5
    return score


def _foreign(grid: Grid, start: int) -> bool:
    """Whether what stands here is another's: as the words before it say, or the label beside or above it."""
    cell = grid.at(start)
    if cell is None:
        return False
    if start > cell.start:
        return _speaks_of_another(grid.text[max(cell.start, start - 50) : start])
    said = [f"{grid.said(one)} "[-50:] for one in (grid.above(cell), grid.left_of(cell)) if one]
    return any(_speaks_of_another(one) for one in said if ":" not in one.rstrip(" :"))  # else it has its value itself


def _speaks_of_another(before: str) -> bool:
    return FOREIGN.search(before) is not None


def _labelled(grid: Grid) -> Iterator[tuple[float, Name]]:
    own = (label for label in LABEL.finditer(grid.text) if not _foreign(grid, label.start()))
    for label in islice(own, MANY):
        for place in (*places(grid, label.start(), label.end()), place_above(grid, label.start())):
            if place and (name := _name_at(grid, place)):
                yield 2 + place.nearness / 2, name
                break


def _name_at(grid: Grid, place: Place) -> Name | None:
    """The insurer's name that begins at this place; it may go on in the line below."""
    start = place.start
    while start < place.end and grid.text[start] in " :.-\n":
        start += 1
    cell = grid.at(start)
    if cell is None:
        return None
    for after in (grid.goes_on(cell), None):
        name = next(_names_in(grid, start, min(cell.end, start + 2 * LONGEST), after), None)
        if name and name.start == start and name.insurer:
            return name
    return None
