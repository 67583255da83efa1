"""Precision and recall of what is read, field by field."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO

from clients.reading.extraction import text_of
from clients.reading.fields import find
from evaluation.page import FIELDS, Page, Truth


@dataclass(slots=True)
class Score:
    """How one field was read over many pages."""

    right: int = 0
    given: int = 0
    """Pages for which a value was given, right or wrong."""
    there: int = 0
    """Pages that say the value."""

    @property
    def precision(self) -> float:
        """Of the values given, how many are right."""
        return self.right / self.given if self.given else 1.0

    @property
    def recall(self) -> float:
        """Of the values on the pages, how many were given."""
        return self.right / self.there if self.there else 1.0


@dataclass(frozen=True, slots=True)
class Fault:
    """A value that was missed, or given wrongly."""

    page: str
    field: str
    given: str | None
    true: str | None


@dataclass(frozen=True, slots=True)
class Report:
    pages: int
    scores: dict[str, Score]
    faults: list[Fault]


def measure(pages: Iterable[Page]) -> Report:
    """Reads the pages as a worker does, each by a process of its own, and compares."""
    kept = list(pages)
    with ThreadPoolExecutor(2) as pool:
        readings = list(pool.map(read, (page.pdf for page in kept)))
    scores, faults = {field: Score() for field in FIELDS}, []
    for page, given in zip(kept, readings, strict=True):
        for field, score in scores.items():
            right = _same(field, given[field], page.truth[field])
            score.given += given[field] is not None
            score.there += page.truth[field] is not None
            score.right += right and given[field] is not None
            if not right:
                faults.append(Fault(page.name, field, given[field], page.truth[field]))
    return Report(len(kept), scores, faults)


def read(pdf: bytes) -> Truth:
    """What is found in a file, in the form of a page's truth."""
    found = find(text_of(BytesIO(pdf)))
    return {field: str(found[field].value) if field in found else None for field in FIELDS}


def _same(field: str, given: str | None, true: str | None) -> bool:
    if field == "carrier" and given and true:
        return " ".join(given.split()).casefold() == " ".join(true.split()).casefold()
    return given == true
