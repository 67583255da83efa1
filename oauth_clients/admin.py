"""Partner platforms."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.core.validators import RegexValidator
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from oauth2_provider import models as toolkit
from oauth2_provider.generators import generate_client_id
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminTextInputWidget

from administration.base import REFUSALS, ActForm, ReadOnlyInline, ServiceAdmin, act, administrator, show_refusal
from administration.filters import EndedFilter
from oauth_clients import services
from oauth_clients.models import ClientSecret, OAuthClient

# The toolkit's own pages write past our services.
admin.site.unregister([
    OAuthClient, toolkit.get_access_token_model(), toolkit.get_grant_model(), toolkit.get_id_token_model(),
    toolkit.get_refresh_token_model(),
])  # fmt: skip


class SuspendedFilter(EndedFilter):
    field = "suspended_at"
    ended = "Suspended"


class NewClientForm(forms.Form):
    """The client's id comes with the page, so that a form sent twice makes one client."""

    client_id = forms.CharField(
        required=False, widget=forms.HiddenInput, initial=generate_client_id,
        validators=[RegexValidator(r"\A[0-9A-Za-z]{40}\Z")],
    )  # fmt: skip
    name = forms.CharField(max_length=255, widget=UnfoldAdminTextInputWidget, help_text="The partner platform's.")
    rate_limit_per_minute = forms.IntegerField(
        required=False, min_value=1, max_value=2**31 - 1, widget=UnfoldAdminIntegerFieldWidget,
        help_text="Requests a minute for each of its tokens; empty: the default.",
    )  # fmt: skip


class RotateForm(ActForm):
    overlap_hours = forms.IntegerField(
        min_value=0, max_value=services.MAX_SECRET_OVERLAP // timedelta(hours=1), widget=UnfoldAdminIntegerFieldWidget,
        initial=services.SECRET_OVERLAP // timedelta(hours=1),
        help_text="Hours for which the secret in use works on; 0 ends it at once.",
    )  # fmt: skip


class ClientSecretInline(ReadOnlyInline):
    """When they were made and until when they work; what is stored is no use to anybody."""

    model = ClientSecret
    fields = readonly_fields = ("created_at", "expires_at")
    verbose_name_plural = "secrets"


@admin.register(OAuthClient)
class OAuthClientAdmin(ServiceAdmin):
    list_display = ("name", "client_id", "agencies", "rate_limit_per_minute", "created", "suspended_at")
    list_filter = (SuspendedFilter,)
    lookups = ("state",)
    search_fields = ("name", "client_id")
    ordering = ("name", "id")
    fields = ("name", "rate_limit_per_minute", "client_id", "created", "updated", "suspended_at")
    readonly_fields = ("client_id", "created", "updated", "suspended_at")
    inlines = (ClientSecretInline,)
    actions_detail = ("rotate_secret", "suspend", "resume")

    def get_queryset(self, request: HttpRequest) -> QuerySet[OAuthClient]:
        return super().get_queryset(request).annotate(agencies=Count("agency_links"))

    @admin.display(ordering="agencies")
    def agencies(self, client: Any) -> int:
        return client.agencies

    def update(self, request: HttpRequest, target: OAuthClient, values: dict[str, Any]) -> None:
        services.update_client(client=target, actor=administrator(request), values=values)

    # --- creating: the answer shows the secret ------------------------------------------------------

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return ModelAdmin.has_add_permission(self, request)

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = NewClientForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            try:
                client, secret = services.create_client(actor=administrator(request), **form.cleaned_data)
            except REFUSALS as refusal:
                show_refusal(form, refusal)
            else:
                return self._secret(request, client, secret, f"{client.name} was created")
        return self.form_page(request, title="Create an OAuth client", form=form, explanation="For a partner platform.")

    # --- acts ---------------------------------------------------------------------------------------

    @act(title="Rotate the secret", form=RotateForm, explanation=(
        "A new secret is made and shown once. The one in use works on for the hours given; "
        "one that was replaced before stops at once."
    ))  # fmt: skip
    def rotate_secret(self, request: HttpRequest, target: OAuthClient, values: dict[str, Any]) -> HttpResponse:
        overlap = timedelta(hours=values["overlap_hours"])
        secret = services.rotate_secret(client=target, actor=administrator(request), overlap=overlap)
        return self._secret(request, target, secret, f"{target.name} has a new secret")

    @act(
        title="Suspend",
        explanation="The client gets no more tokens, and those it has stop working at once. Its agencies stay.",
        applies=lambda client: client.suspended_at is None,
    )
    def suspend(self, request: HttpRequest, target: OAuthClient, values: dict[str, Any]) -> None:
        services.suspend(client=target, actor=administrator(request))

    @act(
        title="Resume",
        explanation="The client may ask for tokens again. Those from before stay dead.",
        applies=lambda client: client.suspended_at is not None,
    )
    def resume(self, request: HttpRequest, target: OAuthClient, values: dict[str, Any]) -> None:
        services.resume(client=target, actor=administrator(request))

    def _secret(self, request: HttpRequest, client: OAuthClient, secret: str, title: str) -> HttpResponse:
        return self.secret_page(
            request,
            title=title,
            explanation="Hand it over by a way that nobody else reads.",
            shown={"Client id": client.client_id, "Client secret": secret},
        )
