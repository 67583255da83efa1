"""Whom and what the held-out pages name."""

from collections.abc import Callable
from datetime import date
from random import Random

PERSONAL = (
    "Tern & Plover Insurance Exchange",
    "Bluff County Farmers Mutual Fire Insurance Association",
    "Kestrel Property and Casualty Company",
    "Old Harbour Assurance Co.",
    "Northlight Preferred Insurance Company",
    "Sable River Reciprocal Exchange",
)
BUSINESS = (
    "Cordova Specialty Insurance Corp.",
    "Marlowe Surplus Lines Insurance Company, Inc.",
    "Ironbridge Indemnity Company of Ohio",
    "Pelican State Employers Casualty Company",
)
LIFE = ("Evergreen Benefit Life Insurance Society", "Cordova Life and Annuity Company")
AGENCIES = (
    "Whitcomb & Daughters Insurance Services LLC",
    "Prairie Insurance Brokers",
    "The Odell Agency, Inc.",
    "Sunrise Insurance Group of Tulsa",
)
BANKS = ("Lakeshore Federal Credit Union ISAOA", "First Granite Bank NA, its successors and/or assigns")


def long_form(day: date) -> str:
    return f"{day:%B} {day.day}, {day.year}"


def dotted(day: date) -> str:
    return f"{day:%m.%d.%Y}"


def dashed(day: date) -> str:
    return f"{day:%m-%d-%y}"


def slashed(day: date) -> str:
    return f"{day.month}/{day.day}/{day.year}"


def in_words(day: date) -> str:
    return f"{day.day} {day:%b} {day.year}"


def any_form(dice: Random) -> Callable[[date], str]:
    return dice.choice((long_form, dotted, dashed, slashed, in_words))
