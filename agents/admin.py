"""The people who work for agencies."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from administration.base import ServiceAdmin, act, administrator
from administration.filters import DeactivatedFilter
from agents import services
from agents.forms import PhoneNumberForm
from agents.models import Agent


def _is_active(agent: Agent) -> bool:
    return agent.deactivated_at is None


@admin.register(Agent)
class AgentAdmin(ServiceAdmin):
    form = PhoneNumberForm
    list_display = ("name", "email", "agency", "is_admin", "is_owner", "created_at", "deactivated_at")
    list_filter = (DeactivatedFilter, "is_admin", "is_owner")
    lookups = ("state", "is_admin__exact", "is_owner__exact", "agency__id__exact")
    list_select_related = ("agency",)
    search_fields = ("first_name", "last_name", "email", "slug", "agency__name")
    ordering = ("-id",)
    fields = (
        "first_name", "last_name", "email", "phone_number", "is_admin", "additional_questions_enabled",
        "agency", "is_owner", "slug", "created_at", "updated_at", "deactivated_at",
    )  # fmt: skip
    readonly_fields = ("agency", "is_owner", "slug", "created_at", "updated_at", "deactivated_at")
    actions_detail = ("reset_access_token", "make_owner", "deactivate", "reactivate")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Agent]:
        return super().get_queryset(request).select_related("agency")

    @admin.display(ordering="last_name")
    def name(self, agent: Agent) -> str:
        return str(agent)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A deactivated agent is shown and not edited, as in the API; unfold asks with an id, for the acts."""
        ended = isinstance(obj, Agent) and obj.deactivated_at is not None
        return not ended and super().has_change_permission(request, obj)

    def update(self, request: HttpRequest, target: Agent, values: dict[str, Any]) -> None:
        services.update_agent(agent=target, actor=administrator(request), values=values)

    @act(
        title="Reset the access token",
        explanation="A new token is made and shown once. All earlier ones stop working at once.",
        applies=_is_active,
    )
    def reset_access_token(self, request: HttpRequest, target: Agent, values: dict[str, Any]) -> HttpResponse:
        token = services.reset_access_token(agent=target, actor=administrator(request))
        return self.secret_page(
            request,
            title=f"{target} has a new access token",
            explanation="It opens the agency's data to whoever has it.",
            shown={"Access token": token},
        )

    @act(
        title="Make the owner",
        explanation="The agency is transferred to this agent, who becomes an admin; the owner before stays an admin.",
        applies=lambda agent: _is_active(agent) and not agent.is_owner,
    )
    def make_owner(self, request: HttpRequest, target: Agent, values: dict[str, Any]) -> None:
        services.transfer_ownership(agency=target.agency, actor=administrator(request), agent_id=target.pk)

    @act(title="Deactivate", explanation="The agent's tokens stop working at once.", applies=_is_active)
    def deactivate(self, request: HttpRequest, target: Agent, values: dict[str, Any]) -> None:
        services.deactivate_agent(agent=target, actor=administrator(request))

    @act(
        title="Reactivate",
        explanation="The agent may work again, with a new access token: the earlier ones stay revoked.",
        applies=lambda agent: not _is_active(agent),
    )
    def reactivate(self, request: HttpRequest, target: Agent, values: dict[str, Any]) -> None:
        services.reactivate_agent(agent=target, actor=administrator(request))
