"""From an agent's personal access token to its principal."""

from agents.models import AgentToken
from api import credentials
from api.principals import AgentPrincipal
from api.statements import run

WHOSE = "SELECT agent_id, agency_id, is_admin, token_id FROM agent_of_token(%s)"
"""By a function of the database's: until it is known who calls, the API sees no rows (docs/row-level-security.md)."""


def authenticate(token: str) -> AgentPrincipal | None:
    """None for a token that is unknown, expired or revoked, or whose agent or agency is deactivated. One query."""
    rows = run(WHOSE, [credentials.digest(token)])
    return AgentPrincipal(*rows[0]) if rows else None


def principal_of(token_pk: int) -> AgentPrincipal | None:
    """The principal of a token that was authenticated before, if it still would be."""
    digest = AgentToken.objects.filter(pk=token_pk).values_list("digest", flat=True).first()
    rows = run(WHOSE, [digest]) if digest else []
    return AgentPrincipal(*rows[0]) if rows else None
