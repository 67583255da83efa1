from http import HTTPStatus

from rest_framework.request import Request
from rest_framework.response import Response

from agents import services
from agents.filters import AgentFilter
from agents.models import Agent
from agents.permissions import require_self_or_admin
from agents.serializers import (
    AGENTS,
    AdditionalQuestionsAnswerSerializer,
    AdditionalQuestionsSerializer,
    AgentSerializer,
    ResetAnswerSerializer,
)
from api.operations import Caller, operation
from api.views import ApiView

AGENCY_DEACTIVATED = {"agency_deactivated": "The agency is deactivated; reactivate it first."}
GOING_RULES = {
    "owner_has_colleagues": "The owner cannot go while the agency has other active agents.",
    "last_admin": "The last admin cannot go while the agency has other active agents.",
}


class AgentsView(ApiView):
    @operation(
        name="listAgents",
        caller=Caller.PARTNER,
        summary="List the agents of all linked agencies",
        gives=AgentSerializer,
        paged=True,
        filters=AgentFilter,
    )
    def get(self, request: Request) -> Response:
        """Ordered by id. Deactivated agents are left out unless `includeDeactivated=true`, which a sync needs, to see
        that they were deactivated. A change of the agency is none of its agents."""
        return self.page(AGENTS)


class OneAgentView(ApiView):
    """The paths that begin with an agent's id."""

    def agent(self) -> Agent:
        """Raises Forbidden (403) for an agent that the caller does not reach."""
        return self.reach(Agent.objects.visible_to(self.principal).select_related("agency"), self.kwargs["agent_id"])


class AgentView(OneAgentView):
    @operation(
        name="deactivateAgent",
        caller=Caller.PARTNER,
        summary="Deactivate an agent",
        status=HTTPStatus.NO_CONTENT,
        refusals=GOING_RULES,
    )
    def delete(self, request: Request, agent_id: int) -> Response:
        """The agent's tokens stop working at once. An agent that is deactivated already stays so: 204 again."""
        services.deactivate_agent(agent=self.agent(), actor=self.principal)
        return self.no_content()


class ReactivateAgentView(OneAgentView):
    @operation(
        name="reactivateAgent",
        caller=Caller.PARTNER,
        summary="Reactivate an agent",
        gives=AgentSerializer,
        refusals={
            **AGENCY_DEACTIVATED,
            "email_taken": "Another active agent of the agency has the address by now.",
        },
    )
    def post(self, request: Request, agent_id: int) -> Response:
        """Its earlier tokens stay revoked: `reset-access-token` gives a new one."""
        agent = services.reactivate_agent(agent=self.agent(), actor=self.principal)
        return self.ok(AgentSerializer(agent, context={"request": request}).data)


class ResetAccessTokenView(OneAgentView):
    @operation(
        name="resetAgentAccessToken",
        caller=Caller.PARTNER,
        summary="Reset an agent's access token",
        gives=ResetAnswerSerializer,
        refusals={"agent_deactivated": "A deactivated agent gets no token; reactivate it first."},
    )
    def post(self, request: Request, agent_id: int) -> Response:
        """Gives a new token, shown here once. All earlier tokens of the agent stop working at once."""
        agent = self.agent()
        token = services.reset_access_token(agent=agent, actor=self.principal)
        shown = {"agency": agent.agency, "agent": {**vars(agent), "access_token": token}}
        return self.ok(ResetAnswerSerializer(shown).data)


class AdditionalQuestionsView(OneAgentView):
    @operation(
        name="setAdditionalQuestions",
        caller=Caller.AGENT,
        summary="Turn the additional questions on or off",
        takes=AdditionalQuestionsSerializer,
        gives=AdditionalQuestionsAnswerSerializer,
        refusals={"agent_deactivated": "The agent is deactivated; reactivate it first."},
    )
    def patch(self, request: Request, agent_id: int) -> Response:
        """For the agent itself, or an admin of its agency."""
        agent = self.agent()
        require_self_or_admin(self.principal, agent)
        agent = services.update_agent(
            agent=agent,
            actor=self.principal,
            values={"additional_questions_enabled": self.parse(AdditionalQuestionsSerializer)["enabled"]},
        )
        return self.ok(AdditionalQuestionsAnswerSerializer(agent).data)
