"""A declaration page whose content is known, and the people and places that made-up ones speak of."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from evaluation.sheet import Sheet

FIELDS = ("carrier", "policy_number", "policy_type", "effective_date", "expiration_date")
Truth = dict[str, str | None]


@dataclass(frozen=True, slots=True)
class Page:
    """A made-up declaration page."""

    name: str
    """Of its layout and number, for reports: `two-columns-3`."""
    pdf: bytes
    truth: Truth
    """What stands on it, by field of FIELDS; None where the page does not say.

    The carrier and policy number as printed (single spaces); the type as one of auto, home, renters, umbrella, life,
    commercial, other; dates as `YYYY-MM-DD`.
    """


Layout = Callable[[Random], tuple[Sheet, Truth]]
"""Sets one page, from these dice."""


def pages(layouts: tuple[Layout, ...], each: int) -> Iterator[Page]:
    """So many pages of each layout, the same ones each time."""
    for layout in layouts:
        for number in range(1, each + 1):
            name = f"{layout.__name__.replace('_', '-')}-{number}"
            sheet, truth = layout(Random(name))
            yield Page(name, sheet.pdf(), truth)


def truth(
    *,
    carrier: str | None = None,
    number: str | None = None,
    kind: str | None = None,
    begins: date | None = None,
    ends: date | None = None,
) -> Truth:
    """What a page says, nothing of which it does not."""
    return {
        "carrier": carrier,
        "policy_number": number,
        "policy_type": kind,
        "effective_date": begins.isoformat() if begins else None,
        "expiration_date": ends.isoformat() if ends else None,
    }


def term(dice: Random, months: int = 12) -> tuple[date, date]:
    """A policy's first and last day."""
    begins = date(dice.choice((2024, 2025, 2026)), dice.randint(1, 12), dice.randint(1, 28))
    return begins, later(begins, months)


def later(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return day.replace(year=year, month=month + 1)


def before(dice: Random, day: date, days: int = 40) -> date:
    """Some day not long before: on which something was printed, mailed, paid."""
    return day - timedelta(days=dice.randint(5, days))


def digits(dice: Random, pattern: str) -> str:
    """`pattern` with each `#` made a digit and each `@` a capital."""
    made = (dice.choice("ABCDEFGHJKLMNPRSTUVWXYZ") if one == "@" else one for one in pattern)
    return "".join(str(dice.randint(0, 9)) if one == "#" else one for one in made)


def person(dice: Random) -> str:
    first = dice.choice(("Maria", "James", "Li", "Amara", "Noah", "Priya", "Chloé", "Tomasz", "Ruth", "Diego"))
    return f"{first} {dice.choice(('Okafor', 'Lindqvist', 'Alvarez', 'Chen', 'Novák', 'Haddad', 'Price', 'Mutua'))}"


def address(dice: Random) -> tuple[str, str]:
    """Its two lines."""
    street = dice.choice(("Larch Lane", "Mill Road", "Third Avenue", "County Road 9", "Union Street", "Farmers Way"))
    town = dice.choice(("Dayton, OH 45402", "Salem, OR 97301", "Mutual, OK 73853", "Utica, NY 13501"))
    return f"{dice.randint(10, 9999)} {street}", town
