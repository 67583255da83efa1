"""From an agent's personal access token to its principal."""

from agents.models import AgentToken
from api import credentials
from api.principals import AgentPrincipal


def authenticate(token: str) -> AgentPrincipal | None:
    """None for a token that is unknown, expired or revoked, or whose agent or agency is deactivated. One query."""
    row = (
        AgentToken.objects.live()
        .filter(
            digest=credentials.digest(token),
            agent__deactivated_at__isnull=True,
            agent__agency__deactivated_at__isnull=True,
        )
        .values_list("agent_id", "agent__agency_id", "agent__is_admin", "pk")
        .first()
    )
    return AgentPrincipal(*row) if row else None
