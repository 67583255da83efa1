"""Whom and what the development pages name."""

from collections.abc import Callable
from datetime import date
from random import Random

from evaluation.page import digits

CARRIERS = (
    "Granite Mutual Insurance Company",
    "Quarry Casualty Insurance Co.",
    "Western Prairie Fire & Casualty Company",
    "Blue Heron General Insurance Company",
    "Hamilton County Farm Bureau Mutual",
    "Redwood Select Insurance Co of America",
    "Atlas & Sons Indemnity Company",
    "Great Basin Underwriters",
    "Chesapeake National Assurance Company",
    "Palisade Insurance Exchange",
    "Union Standard Lloyds",
    "American Tidewater Insurance Company of New York",
)
LIFE = ("Fidelity Harbor Life Insurance Company", "Granite Life Assurance Society", "Juniper Mutual Life")
AGENCIES = (
    "Smith Insurance Agency",
    "Casualty & Life Agency of Boise",
    "Kowalski Insurance Group, LLC",
    "Main Street Mutual Agency Inc.",
    "Delgado Brokerage",
)
BANKS = (
    "Mutual Savings Bank ISAOA/ATIMA",
    "Union Casualty Bank, N.A.",
    "Heritage Mortgage Company",
    "Ally Auto Finance",
)
EARLIER = ("Old Colony Insurance Company", "Zenith Mutual Insurance Company")
PERSONAL = (
    ("Personal Auto Policy", "auto"),
    ("Private Passenger Automobile", "auto"),
    ("Homeowners Policy", "home"),
    ("Dwelling Fire Policy", "home"),
    ("HO-4 Renters Policy", "renters"),
    ("Personal Umbrella Liability Policy", "umbrella"),
    ("Watercraft Policy", "other"),
)
BUSINESS = (
    ("Commercial Package Policy", "commercial"),
    ("Businessowners Policy", "commercial"),
    ("Business Auto Coverage", "commercial"),
    ("Workers Compensation and Employers Liability", "commercial"),
    ("Commercial Umbrella Liability", "umbrella"),
)
NUMBERS = (
    "GM-###-####",
    "@@########",
    "### #### ###",
    "##-@@-####-#",
    "@######-##",
    "#########",
    "@@@ ### ## ##",
    "#@###-##/##",
)


def number_form(dice: Random) -> str:
    return dice.choice(NUMBERS)


def policy(dice: Random, kinds: tuple[tuple[str, str], ...] = PERSONAL) -> tuple[str, str, str, str]:
    """A carrier, a policy number, the policy's title and its type."""
    return dice.choice(CARRIERS), digits(dice, number_form(dice)), *dice.choice(kinds)


def slashed(day: date) -> str:
    return f"{day:%m/%d/%Y}"


def short(day: date) -> str:
    return f"{day:%m/%d/%y}"


def dashed(day: date) -> str:
    return f"{day:%m-%d-%Y}"


def iso(day: date) -> str:
    return day.isoformat()


def abbreviated(day: date) -> str:
    return f"{day:%b} {day.day}, {day.year}"


def long_form(day: date) -> str:
    return f"{day:%B} {day.day}, {day.year}"


def day_first(day: date) -> str:
    return f"{day.day} {day:%B} {day.year}"


def capitals(day: date) -> str:
    return f"{day:%b} {day:%d} {day.year}".upper()


def any_form(dice: Random) -> Callable[[date], str]:
    return dice.choice((slashed, short, dashed, iso, abbreviated, long_form, day_first, capitals))
