"""The form of every credential: `<kind>_<36 characters>`.

A recognisable prefix lets secret scanners find leaks; a checksum in the last six characters lets a typo be
refused without a query. The 30 random characters hold 178 bits, so a digest needs neither salt nor stretching:
there is nothing to guess from, and SHA-256 is as one-way for such a value as any slow hash.
"""

import hashlib
import re
import secrets
import string
import zlib

ALPHABET = string.digits + string.ascii_letters
RANDOM_LENGTH = 30
CHECKSUM_LENGTH = 6

OAUTH_ACCESS_TOKEN = "agency_oat"  # noqa: S105 - a prefix, not a secret
OAUTH_CLIENT_SECRET = "agency_ocs"  # noqa: S105
AGENT_TOKEN = "agency_pat"  # noqa: S105
CONSUMER_LINK = "agency_csl"

_FORM = re.compile(rf"(agency_[a-z]{{3}})_([0-9A-Za-z]{{{RANDOM_LENGTH}}})([0-9A-Za-z]{{{CHECKSUM_LENGTH}}})")


def generate(kind: str) -> str:
    """A new credential of this kind, in plain text: show it once, store its `digest`."""
    body = _base62(secrets.randbelow(len(ALPHABET) ** RANDOM_LENGTH), RANDOM_LENGTH)
    return f"{kind}_{body}{_checksum(f'{kind}_{body}')}"


def kind_of(credential: str) -> str | None:
    """The kind of a well-formed credential whose checksum is right; None for anything else."""
    match = _FORM.fullmatch(credential)
    if not match:
        return None
    kind, body, checksum = match.groups()
    return kind if _checksum(f"{kind}_{body}") == checksum else None


def digest(credential: str) -> bytes:
    """What is stored in a credential's place (32 bytes). Looked up by index: no comparison of secrets in Python."""
    return hashlib.sha256(credential.encode()).digest()


def _checksum(text: str) -> str:
    """CRC-32 as six characters of base 62, as GitHub's tokens carry it."""
    return _base62(zlib.crc32(text.encode()), CHECKSUM_LENGTH)


def _base62(number: int, length: int) -> str:
    letters = []
    for _ in range(length):
        number, remainder = divmod(number, len(ALPHABET))
        letters.append(ALPHABET[remainder])
    return "".join(reversed(letters))
