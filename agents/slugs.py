"""An agent's slug: `first-last-xyz`, ASCII, unique over the platform (contract §4.1)."""

import secrets
import string
from collections.abc import Iterable

from django.conf import settings
from django.utils.text import slugify

from api.statements import run

RANDOM_LENGTH = 5
NAMES_LENGTH = 70


def slug_of(first_name: str, last_name: str, suffix: str) -> str:
    """The slug for these names and this suffix. Names with no ASCII form at all become `agent`."""
    names = "-".join(part for part in (_word(first_name), _word(last_name)) if part)[:NAMES_LENGTH].strip("-")
    return f"{names or 'agent'}-{suffix}"


def _word(name: str) -> str:
    """A name in lower-case ASCII letters, digits and hyphens; "" where nothing of it has such a form."""
    return slugify(name.replace("_", "-"))


def random_suffix() -> str:
    return "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(RANDOM_LENGTH))


def taken(slugs: Iterable[str]) -> set[str]:
    """Those of them that an agent has, of whatever agency: asked of a function of the database's, since nobody else's
    agents are seen otherwise."""
    return {slug for (slug,) in run("SELECT slugs_taken(%s)", [list(slugs)])}


def is_reserved(slug: str) -> bool:
    """Whether the slug is a path of ours (names and a suffix can make one: "well" and "known")."""
    return slug in settings.SLUG_RESERVED
