"""The tenants."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from unfold.widgets import UnfoldAdminSelectWidget

from administration.base import ActForm, ReadOnlyInline, ServiceAdmin, act, administrator
from administration.filters import DeactivatedFilter
from agencies import services
from agencies.models import Agency
from oauth_clients.models import AgencyLink, OAuthClient
from oauth_clients.services import link_agency, unlink_agency
from webhooks.admin import NewWebhookForm, show_secret
from webhooks.services.subscriptions import create_subscription


class PartnerForm(ActForm):
    partner = forms.ModelChoiceField(OAuthClient.objects.order_by("name", "id"), widget=UnfoldAdminSelectWidget)


class PartnerInline(ReadOnlyInline):
    """Who reaches the agency."""

    model = AgencyLink
    fields = readonly_fields = ("oauth_client", "created_at")
    verbose_name_plural = "partners that reach it"

    def get_queryset(self, request: HttpRequest) -> QuerySet[AgencyLink]:
        return super().get_queryset(request).select_related("oauth_client")


@admin.register(Agency)
class AgencyAdmin(ServiceAdmin):
    list_display = ("name", "active_agents", "referral", "created_at", "deactivated_at")
    list_filter = (DeactivatedFilter,)
    lookups = ("state",)
    search_fields = ("name", "referral")
    ordering = ("-id",)
    fields = ("name", "color_code", "referral", "agents", "created_at", "updated_at", "deactivated_at")
    readonly_fields = ("agents", "created_at", "updated_at", "deactivated_at")
    inlines = (PartnerInline,)
    actions_detail = ("deactivate", "reactivate", "link_partner", "unlink_partner", "add_webhook")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Agency]:
        active = Count("agents", filter=Q(agents__deactivated_at__isnull=True))
        return super().get_queryset(request).annotate(active_agents=active)

    @admin.display(description="active agents")
    def active_agents(self, agency: Any) -> int:
        return agency.active_agents

    @admin.display
    def agents(self, agency: Any) -> str:
        url = reverse("admin:agents_agent_changelist")
        return format_html('<a href="{}?agency__id__exact={}">{} active</a>', url, agency.pk, agency.active_agents)

    def update(self, request: HttpRequest, target: Agency, values: dict[str, Any]) -> None:
        services.update_agency(agency=target, actor=administrator(request), values=values)

    def has_link_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """It opens the agency to a partner, and is an act on both."""
        return self.has_change_permission(request, obj) and request.user.has_perm("oauth_clients.change_oauthclient")

    @act(
        title="Deactivate",
        explanation="The agency and all its agents are deactivated; their tokens stop working at once.",
        applies=lambda agency: agency.deactivated_at is None,
    )
    def deactivate(self, request: HttpRequest, target: Agency, values: dict[str, Any]) -> None:
        services.deactivate_agency(agency=target, actor=administrator(request))

    @act(
        title="Reactivate",
        explanation="The agency returns with the agents that were deactivated with it. They need new access tokens.",
        applies=lambda agency: agency.deactivated_at is not None,
    )
    def reactivate(self, request: HttpRequest, target: Agency, values: dict[str, Any]) -> None:
        services.reactivate_agency(agency=target, actor=administrator(request))

    @act(
        title="Link a partner",
        explanation="From now on this partner reaches the agency, its agents and their tokens.",
        form=PartnerForm,
        permission="link",
    )
    def link_partner(self, request: HttpRequest, target: Agency, values: dict[str, Any]) -> None:
        link_agency(client_pk=values["partner"].pk, agency=target, actor=administrator(request))

    @act(
        title="Unlink a partner",
        explanation="From now on this partner does not reach the agency. Its agents and their tokens stay.",
        form=PartnerForm,
        permission="link",
    )
    def unlink_partner(self, request: HttpRequest, target: Agency, values: dict[str, Any]) -> None:
        unlink_agency(client_pk=values["partner"].pk, agency=target, actor=administrator(request))

    @act(
        title="Add a webhook",
        explanation="This address is told of the agency's events. Its signing secret is shown once.",
        form=NewWebhookForm,
        applies=lambda agency: agency.deactivated_at is None,
    )
    def add_webhook(self, request: HttpRequest, target: Agency, values: dict[str, Any]) -> HttpResponse:
        made, secret = create_subscription(actor=administrator(request), agency_id=target.pk, values=values)
        return show_secret(self, request, made, secret)
