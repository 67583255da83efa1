"""Dates in the ways that policies write them, and which of them are a policy's first and last day."""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import islice, pairwise

from clients.reading.found import Found
from clients.reading.grid import ABOVE, BELOW, GAP, Grid, Place, place_above, places

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = (
    r"(?P<{0}>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
_DAY = r"\d{1,2}(?:st|nd|rd|th)?"
_YEAR = r"\d{4}|\d{2}"
DATE = re.compile(
    r"(?<![\w/.-])(?:"
    rf"{_MONTH.format('m1')}[ -]?{GAP}?(?P<d1>{_DAY})(?:,{GAP}?|-|/|{GAP})(?P<y1>\d{{4}})"
    rf"|(?P<d2>{_DAY})(?:{GAP}of)?(?:-|/|{GAP})?{_MONTH.format('m2')}(?:,{GAP}?|-|/|{GAP})?(?P<y2>{_YEAR})"
    r"|(?P<y3>\d{4})(?P<s3>[-/.])(?P<m3>\d{1,2})(?P=s3)(?P<d3>\d{1,2})"
    rf"|(?P<m4>\d{{1,2}})(?P<s4>[-/.])(?P<d4>\d{{1,2}})(?P=s4)(?P<y4>{_YEAR})"
    r")(?!\w|[/-]\w|\.\d)",
    re.IGNORECASE,
)
TIMES = {
    "12:01", "12:00", "00:01", "am", "a.m", "pm", "p.m", "12:01am", "12:01a.m", "noon", "standard", "local", "time",
}  # fmt: skip
FILLERS = TIMES | {
    "on", "from", "at", "as", "of", "is", "the", "date", "day", "both", "mm/dd/yyyy", "mo/day/yr", "months",
}  # fmt: skip
"""What may stand between a label and its date."""
TURNS = {
    "to", "thru", "through", "until", "till", "and", "-", "–", "—", "expires", "ends", "expire", "end", "terminates",
}  # fmt: skip
"""What stands between the first and the last day."""
WORD = re.compile(r"[^\s,()]+")
NEAR = 120
"""Characters, blanks included, between things that belong together."""


def _label(*ways: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w-])(?:{'|'.join(ways)})(?![\w'])", re.IGNORECASE)


BEGIN = _label(
    rf"effective(?:{GAP}(?:date|from|on))?|eff\.?(?:{GAP}date)?|inception(?:{GAP}date)?|(?:takes|take){GAP}effect",
    rf"start{GAP}date|starts|starting|begin(?:ning)?{GAP}date|begins|beginning|commencement(?:{GAP}date)?|commences",
    rf"policy{GAP}date|valid{GAP}from|in{GAP}force{GAP}from|in{GAP}force{GAP}since|from",
)
END = _label(
    rf"expir(?:ation|y)(?:{GAP}date)?|expires|exp\.?(?:{GAP}date)?|end(?:ing)?{GAP}date|ends",
    rf"(?:effective|valid|in{GAP}force){GAP}(?:to|through|until)|terminat(?:ion(?:{GAP}date)?|es)|renewal{GAP}date",
    "to|until",
)
PERIOD = _label(
    rf"(?:policy|coverage|insurance|contract){GAP}(?:period|term|dates)|term{GAP}of{GAP}(?:policy|insurance|coverage)",
    rf"period{GAP}of{GAP}(?:insurance|coverage)|effective{GAP}dates|period|term|in{GAP}force|effective",
)
WEAK = re.compile(r"(?:from|to|until|period|term|in force|renewal\s+date|policy\s+date)\Z", re.IGNORECASE)
"""Labels that are common words, and count for less."""
FOREIGN = re.compile(
    r"\b(?:prior|previous|former|old|original|orig|rate|change|endorsement|amendment|transaction|cancellation|vehicle"
    r"|license|licence|registration|notice|loan|lease|claim|billing|payment|discount|card)(?:'s)?\b[^:.\n]{0,25}\Z",
    re.IGNORECASE,
)
"""Before a label: it speaks of something else."""
MANY = 60
"""Places with a label that are looked at."""


@dataclass(frozen=True, slots=True)
class Day:
    """A date, and where it stands."""

    value: date
    start: int
    end: int

    @property
    def found(self) -> Found:
        return Found(self.value, self.start, self.end)


@dataclass(frozen=True, slots=True)
class Candidate:
    day: Day
    score: float


def find_dates(grid: Grid) -> dict[str, Found]:
    """The policy's first and last day."""
    days = dates(grid.text)
    periods = list(_periods(grid, days))
    begins = [*(first for first, _ in periods), *_labelled(grid, days, BEGIN)]
    ends = [*(last for _, last in periods), *_labelled(grid, days, END)]
    taken = {one.day.start for one in (*begins, *ends)}
    return _best(begins or _captioned(grid, days, BEGIN, taken), ends or _captioned(grid, days, END, taken))


def dates(text: str) -> list[Day]:
    """Every date in a text, in order."""
    return [Day(day, one.start(), one.end()) for one in DATE.finditer(text) if (day := _day(one))]


def _day(match: re.Match[str]) -> date | None:
    part = {name[0]: value for name, value in match.groupdict().items() if value and name[0] in "ymd"}
    day = int(re.sub(r"\D", "", part["d"]))
    month = int(part["m"]) if part["m"].isdecimal() else MONTHS.index(part["m"][:3].lower()) + 1
    year = int(part["y"])
    if year < 100:
        year += 2000 if year < 70 else 1900
    if match["m4"] and month > 12:
        month, day = day, month  # nobody's month, so it was written the other way about
    try:
        return date(year, month, day) if 1900 <= year <= 2150 else None
    except ValueError:
        return None


def _labels(grid: Grid, label: re.Pattern[str]) -> Iterator[re.Match[str]]:
    """Where a label stands that speaks of the policy itself."""
    text = grid.text
    found = label.finditer(text)
    return islice((one for one in found if not FOREIGN.search(text, max(0, one.start() - 45), one.start())), MANY)


def _at(days: list[Day], text: str, place: Place) -> int | None:
    """Which date stands at a place, with no more than fillers before it."""
    index = bisect_left(days, place.start, key=lambda day: day.start)
    if index == len(days) or days[index].start >= place.end:
        return None
    return index if set(_words(text[place.start : days[index].start])) <= FILLERS else None


def _places(grid: Grid, label: re.Match[str]) -> Iterator[Place]:
    """Where the dates of a label may stand; below it only where it is no common word in the middle of a line."""
    cell = grid.at(label.start())
    inside = cell is not None and cell.start < label.start() and WEAK.match(label[0]) is not None
    return (one for one in places(grid, label.start(), label.end()) if one.nearness > BELOW or not inside)


def _labelled(grid: Grid, days: list[Day], label: re.Pattern[str]) -> Iterator[Candidate]:
    for one in _labels(grid, label):
        weak = WEAK.match(one[0]) is not None
        for place in _places(grid, one):
            index = _at(days, grid.text, place)
            if index is not None:
                yield Candidate(days[index], place.nearness - (1.5 if weak else 0))
                break


def _captioned(grid: Grid, days: list[Day], label: re.Pattern[str], taken: set[int]) -> Iterator[Candidate]:
    """Dates above their label, where no other label claims them."""
    for one in _labels(grid, label):
        place = place_above(grid, one.start())
        index = _at(days, grid.text, place) if place else None
        if index is not None and days[index].start not in taken:
            yield Candidate(days[index], ABOVE)


def _periods(grid: Grid, days: list[Day]) -> Iterator[tuple[Candidate, Candidate]]:
    """Pairs of dates that say from when to when: by the word between them, or below one title."""
    for first, last in pairwise(days):
        if _turns(grid.text[first.end : last.start]):
            yield Candidate(first, 2), Candidate(last, 2)
    for label in _labels(grid, PERIOD):
        for place in _places(grid, label):
            index = _at(days, grid.text, place)
            if index is not None and (after := _second(grid, days, index)):
                yield Candidate(days[index], place.nearness + 1), Candidate(after, place.nearness + 1)
                break


def _turns(between: str) -> bool:
    words = set(_words(between))
    return words <= TURNS | FILLERS and not words.isdisjoint(TURNS)


def _words(between: str) -> list[str]:
    """The words between two things that belong together; some other word where they are too far apart."""
    if len(between) > NEAR + 200 or len(" ".join(between.split())) > NEAR:
        return ["…"]
    return [word for one in WORD.findall(between) if (word := one.lower().strip(".#:"))]


def _second(grid: Grid, days: list[Day], index: int) -> Day | None:
    """The date that ends a period: next in the row, or in the row below."""
    if index + 1 == len(days):
        return None
    first, last = days[index], days[index + 1]
    between = grid.text[first.end : last.start]
    if _turns(between) or (len(between) < NEAR and "\n" not in between and not between.strip()):
        return last
    here, there = grid.at(first.start), grid.at(last.start)
    return last if here and there and there.row == here.row + 1 and there.left - here.left in range(-4, 5) else None


def _best(begins: Iterable[Candidate], ends: Iterable[Candidate]) -> dict[str, Found]:
    """The two that go together best; one alone where they would be out of order."""
    first, last = _ranked(begins), _ranked(ends)
    pairs = [
        (one.score + other.score + (2 if _usual(one.day.value, other.day.value) else 0), -place, one, other)
        for place, (one, other) in enumerate((one, other) for one in first for other in last)
        if one.day.value < other.day.value
    ]
    if pairs:
        _, _, begin, end = max(pairs, key=lambda pair: pair[:2])
        return {"effective_date": begin.day.found, "expiration_date": end.day.found}
    if first and (not last or first[0].score >= last[0].score):
        return {"effective_date": first[0].day.found}
    return {"expiration_date": last[0].day.found} if last else {}


def _ranked(candidates: Iterable[Candidate]) -> list[Candidate]:
    return sorted(candidates, key=lambda one: (-one.score, one.day.start))[:20]


def _usual(begin: date, end: date) -> bool:
    """Whether this is as long as policies are: half a year, or whole years."""
    days = (end - begin).days
    return abs(days - 182) <= 4 or abs((days + 180) % 365.25 - 180) <= 3
