"""What was found."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Found:
    """A value, and where it stands in the text: from `start` up to `end`."""

    value: str | date
    start: int
    end: int
