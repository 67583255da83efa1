from agents.models import Agent
from api.errors import Forbidden
from api.principals import AgentPrincipal, ApiPrincipal


def require_self_or_admin(principal: ApiPrincipal, agent: Agent) -> None:
    """Raises Forbidden (403) unless the caller is this agent or an admin. The agent is one that the caller reaches."""
    is_self = isinstance(principal, AgentPrincipal) and principal.agent_id == agent.pk
    is_admin = isinstance(principal, AgentPrincipal) and principal.is_admin
    if not (is_self or is_admin):
        raise Forbidden("Only the agent itself or an admin of its agency may do this.")
