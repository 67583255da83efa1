"""From an OAuth access token to its principal."""

from api import credentials
from api.principals import Partner
from api.statements import run

WHOSE = "SELECT client_pk, client_id, token_id, rate_limit FROM partner_of_token(%s)"
"""By a function of the database's: until it is known who calls, the API sees no rows (docs/row-level-security.md)."""


def authenticate(token: str) -> Partner | None:
    """None for a token that is unknown, expired or revoked, or whose client is suspended. One query."""
    rows = run(WHOSE, [credentials.digest(token).hex()])
    return Partner(*rows[0]) if rows else None
