"""A declaration page whose content is known."""

from dataclasses import dataclass

FIELDS = ("carrier", "policy_number", "policy_type", "effective_date", "expiration_date")


@dataclass(frozen=True, slots=True)
class Page:
    """A made-up declaration page."""

    name: str
    """Of its layout and number, for reports: `two-columns-3`."""
    pdf: bytes
    truth: dict[str, str | None]
    """What stands on it, by field of FIELDS; None where the page does not say.

    The carrier and policy number as printed (single spaces); the type as one of auto, home, renters, umbrella, life,
    commercial, other; dates as `YYYY-MM-DD`.
    """
