from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Found:
    value: str | date
    start: int
    end: int


def find(text):
    return {}
