"""From an agent's personal access token to its principal."""

from functools import cache

from django.db.models import BinaryField

from agents.models import AgentToken
from api import credentials
from api.principals import AgentPrincipal
from api.statements import Slot, Statement


def authenticate(token: str) -> AgentPrincipal | None:
    """None for a token that is unknown, expired or revoked, or whose agent or agency is deactivated. One query."""
    rows = _statement().execute({"digest": credentials.digest(token)})
    return AgentPrincipal(*rows[0]) if rows else None


@cache
def _statement() -> Statement:
    return Statement(
        AgentToken.objects.live()
        .filter(
            digest=Slot("digest", BinaryField()),
            agent__deactivated_at__isnull=True,
            agent__agency__deactivated_at__isnull=True,
        )
        .values_list("agent_id", "agent__agency_id", "agent__is_admin", "pk")
    )
