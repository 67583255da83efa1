"""From an agent's personal access token to its principal."""

from functools import cache

from django.db.models import BinaryField

from agents.models import AgentToken, AgentTokenQuerySet
from api import credentials
from api.principals import AgentPrincipal
from api.statements import Slot, Statement


def authenticate(token: str) -> AgentPrincipal | None:
    """None for a token that is unknown, expired or revoked, or whose agent or agency is deactivated. One query."""
    rows = _statement().execute({"digest": credentials.digest(token)})
    return AgentPrincipal(*rows[0]) if rows else None


def principal_of(token_pk: int) -> AgentPrincipal | None:
    """The principal of a token that was authenticated before, if it still would be."""
    row = _usable().filter(pk=token_pk).values_list(*_PRINCIPAL).first()
    return AgentPrincipal(*row) if row else None


_PRINCIPAL = ("agent_id", "agent__agency_id", "agent__is_admin", "pk")


def _usable() -> AgentTokenQuerySet:
    return AgentToken.objects.live().filter(
        agent__deactivated_at__isnull=True, agent__agency__deactivated_at__isnull=True
    )


@cache
def _statement() -> Statement:
    return Statement(_usable().filter(digest=Slot("digest", BinaryField())).values_list(*_PRINCIPAL))
