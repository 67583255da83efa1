from http import HTTPStatus
from typing import Any, cast

from django.conf import settings
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from agencies import services
from agencies.filters import AgencyFilter
from agencies.models import Agency
from agencies.serializers import (
    AGENCIES,
    AgencyChangeSerializer,
    AgencySerializer,
    BulkAgentsSerializer,
    BulkResultSerializer,
    NewAgencyAnswerSerializer,
    NewAgencySerializer,
    PartnerAgencySerializer,
    TransferOwnershipSerializer,
)
from agents import services as agents
from agents.filters import AgentFilter
from agents.models import Agent
from agents.permissions import require_self_or_admin
from agents.serializers import (
    AGENTS,
    AgentChangeSerializer,
    AgentSerializer,
    NewAgentAnswerSerializer,
    NewAgentRowSerializer,
    NewAgentSerializer,
)
from agents.views import AGENCY_DEACTIVATED, GOING_RULES
from api.errors import ApiError, Forbidden, as_api_error, envelope
from api.operations import Caller, operation
from api.principals import AgentPrincipal, Partner
from api.views import ApiView

AGENT_RULES = {
    "email_taken": "Another active agent of the agency has the address.",
    "slug_taken": "The slug that the suffix gives is taken.",
}


class AgenciesView(ApiView):
    @operation(
        name="listAgencies",
        caller=Caller.PARTNER,
        summary="List the linked agencies",
        gives=PartnerAgencySerializer,
        paged=True,
        filters=AgencyFilter,
    )
    def get(self, request: Request) -> Response:
        """Ordered by id. Deactivated agencies are left out unless `includeDeactivated=true`, which a sync needs, to see
        that they were deactivated."""
        return self.page(AGENCIES)

    @operation(
        name="createAgency",
        caller=Caller.PARTNER,
        summary="Create an agency with its owner",
        takes=NewAgencySerializer,
        gives=NewAgencyAnswerSerializer,
        status=HTTPStatus.CREATED,
    )
    def post(self, request: Request) -> Response:
        """The agency is linked to the calling OAuth client; the agent is its owner and admin. All or nothing."""
        created = services.create_agency(actor=cast(Partner, self.principal), values=self.parse(NewAgencySerializer))
        agency = created.agent.agency
        owner = {**vars(created.agent), "access_token": created.access_token}
        shown = NewAgencyAnswerSerializer({"agency": agency, "agent": owner})
        return self.created(shown.data, location=f"/v1/agencies/{agency.pk}")


class OneAgencyView(ApiView):
    """The paths that begin with an agency's id."""

    def agency(self) -> Agency:
        """Raises Forbidden (403) for an agency that the caller does not reach."""
        return self.reach(Agency.objects.visible_to(self.principal), self.kwargs["agency_id"])

    def agent(self) -> Agent:
        """Raises Forbidden (403) for an agent that the caller does not reach, or of another agency."""
        mine = Agent.objects.visible_to(self.principal).filter(agency=self.kwargs["agency_id"])
        return self.reach(mine.select_related("agency"), self.kwargs["agent_id"])

    def shown(self, agent: Agent) -> dict[str, Any]:
        return AgentSerializer(agent, context={"request": self.request}).data


class AgencyView(OneAgencyView):
    @operation(name="showAgency", caller=Caller.AGENT, summary="Show the agency", gives=AgencySerializer)
    def get(self, request: Request, agency_id: int) -> Response:
        return self.ok(AgencySerializer(self.agency(), context={"request": request}).data)

    @operation(
        name="updateAgency",
        caller=Caller.ADMIN_AGENT,
        summary="Change the agency",
        takes=AgencyChangeSerializer,
        gives=AgencySerializer,
        max_file_bytes=settings.MAX_PICTURE_BYTES,
    )
    def patch(self, request: Request, agency_id: int) -> Response:
        """A logo comes as multipart; for clients that cannot send that as PATCH, a POST with `_method=PATCH`."""
        agency = self.agency()
        values = self.parse(AgencyChangeSerializer)
        agency = services.update_agency(agency=agency, actor=self.principal, values=values)
        return self.ok(AgencySerializer(agency, context={"request": request}).data)

    @operation(
        name="deactivateAgency", caller=Caller.PARTNER, summary="Deactivate an agency", status=HTTPStatus.NO_CONTENT
    )
    def delete(self, request: Request, agency_id: int) -> Response:
        """The agency and all its agents are deactivated; their tokens stop working at once."""
        services.deactivate_agency(agency=self.agency(), actor=self.principal)
        return self.no_content()


class ReactivateAgencyView(OneAgencyView):
    @operation(
        name="reactivateAgency", caller=Caller.PARTNER, summary="Reactivate an agency", gives=PartnerAgencySerializer
    )
    def post(self, request: Request, agency_id: int) -> Response:
        """With it come the agents that were deactivated with it. Their tokens stay revoked; reset each."""
        agency = services.reactivate_agency(agency=self.agency(), actor=self.principal)
        return self.ok(PartnerAgencySerializer(agency, context={"request": request}).data)


class TransferOwnershipView(OneAgencyView):
    @operation(
        name="transferAgencyOwnership",
        caller=Caller.PARTNER,
        summary="Transfer an agency's ownership",
        takes=TransferOwnershipSerializer,
        gives=AgentSerializer,
        refusals={**AGENCY_DEACTIVATED, "not_an_active_agent": "The new owner must be an active agent of the agency."},
    )
    def post(self, request: Request, agency_id: int) -> Response:
        """The agent becomes owner and admin; the owner before it stays an admin. Gives the new owner."""
        agency = self.agency()
        agent_id = self.parse(TransferOwnershipSerializer)["agent_id"]
        return self.ok(self.shown(agents.transfer_ownership(agency=agency, actor=self.principal, agent_id=agent_id)))


class AgencyAgentsView(OneAgencyView):
    @operation(
        name="listAgencyAgents",
        caller=Caller.AGENT,
        summary="List the agency's agents",
        gives=AgentSerializer,
        paged=True,
        filters=AgentFilter,
    )
    def get(self, request: Request, agency_id: int) -> Response:
        """Ordered by id. Deactivated agents are left out unless `includeDeactivated=true`, which a sync needs, to see
        that they were deactivated. A change of the agency is none of its agents."""
        if agency_id != cast(AgentPrincipal, self.principal).agency_id:
            raise Forbidden
        return self.page(AGENTS)

    @operation(
        name="createAgencyAgent",
        caller=Caller.PARTNER,
        summary="Add an agent to an agency",
        takes=NewAgentSerializer,
        gives=NewAgentAnswerSerializer,
        status=HTTPStatus.CREATED,
        max_file_bytes=settings.MAX_PICTURE_BYTES,
        refusals={**AGENCY_DEACTIVATED, **AGENT_RULES},
    )
    def post(self, request: Request, agency_id: int) -> Response:
        """Gives the agent's token, shown here once. A profile picture comes as multipart."""
        agency = self.agency()
        values = self.parse(NewAgentSerializer)
        created = agents.create_agent(agency=agency, actor=self.principal, values=values)
        location = f"/v1/agencies/{agency_id}/agents/{created.agent.pk}"
        return self.created(_with_token(created), location=location)


class BulkAgentsView(OneAgencyView):
    @operation(
        name="createAgencyAgents",
        caller=Caller.PARTNER,
        summary="Add up to 500 agents in one call",
        takes=BulkAgentsSerializer,
        gives=BulkResultSerializer,
        many=True,
        refusals=AGENCY_DEACTIVATED,
    )
    def post(self, request: Request, agency_id: int) -> Response:
        """Gives a result a row, in order: the agent with its token, or why the row was refused."""
        agency = self.agency()
        rows = [_judged(row) for row in self.parse(BulkAgentsSerializer)["agents"]]
        valid = [row for row in rows if isinstance(row, dict)]
        outcomes = iter(agents.create_agents(agency=agency, actor=self.principal, rows=valid))
        results = [next(outcomes) if isinstance(row, dict) else row for row in rows]
        return self.ok([_result(index, result) for index, result in enumerate(results)])


class AgencyAgentView(OneAgencyView):
    @operation(
        name="showAgencyAgent", caller=Caller.AGENT, summary="Show an agent of the agency", gives=AgentSerializer
    )
    def get(self, request: Request, agency_id: int, agent_id: int) -> Response:
        return self.ok(self.shown(self.agent()))

    @operation(
        name="updateAgencyAgent",
        caller=Caller.AGENT,
        summary="Change an agent",
        takes=AgentChangeSerializer,
        gives=AgentSerializer,
        max_file_bytes=settings.MAX_PICTURE_BYTES,
        refusals={
            **AGENT_RULES,
            "last_admin": "The last admin stays admin.",
            "owner_is_admin": "The owner stays admin.",
            "agent_deactivated": "The agent is deactivated.",
        },
    )
    def patch(self, request: Request, agency_id: int, agent_id: int) -> Response:
        """For an admin of the agency, or the agent itself, who may change anything but `is_admin`."""
        agent = self.agent()
        require_self_or_admin(self.principal, agent)
        values = self.parse(AgentChangeSerializer, partial=True)  # else an absent checkbox of a form reads as false
        if "is_admin" in values and not (isinstance(self.principal, AgentPrincipal) and self.principal.is_admin):
            raise Forbidden("Only an admin of the agency may change is_admin.")
        return self.ok(self.shown(agents.update_agent(agent=agent, actor=self.principal, values=values)))

    @operation(
        name="deactivateAgencyAgent",
        caller=Caller.ADMIN_AGENT,
        summary="Deactivate an agent of the agency",
        status=HTTPStatus.NO_CONTENT,
        refusals=GOING_RULES,
    )
    def delete(self, request: Request, agency_id: int, agent_id: int) -> Response:
        """The agent's tokens stop working at once."""
        agents.deactivate_agent(agent=self.agent(), actor=self.principal)
        return self.no_content()


def _with_token(created: agents.Created) -> dict[str, Any]:
    return NewAgentAnswerSerializer({**vars(created.agent), "access_token": created.access_token}).data


def _judged(row: dict[str, Any]) -> dict[str, Any] | ApiError:
    """A bulk row's values, or why they are not valid."""
    serializer = NewAgentRowSerializer(data=row)
    try:
        serializer.is_valid(raise_exception=True)
    except ValidationError as error:
        return as_api_error(error)
    return serializer.validated_data


def _result(index: int, result: agents.Created | ApiError) -> dict[str, Any]:
    if isinstance(result, agents.Created):
        return {"index": index, "status": HTTPStatus.CREATED, "agent": _with_token(result)}
    return {"index": index, "status": result.status_code, **envelope(result)}
