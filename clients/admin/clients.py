"""Clients: found, shown with what they sent, edited, given to another agent, destroyed.

Whoever looks at one is in the audit trail, as is whoever gets a file: no entry, no look.
"""

import re
from functools import reduce
from operator import or_
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.widgets import AutocompleteSelect
from django.core.exceptions import PermissionDenied
from django.db import connection, transaction
from django.db.models import Prefetch, Q, QuerySet, Value
from django.db.models.functions import Lower
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect, JsonResponse
from django.urls import path, reverse
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextInputWidget

from administration.base import ActForm, ServiceAdmin, act, administrator
from administration.pagination import DEEPEST_ROW, InfinitePaginator
from agents.forms import PhoneNumberForm
from agents.models import Agent
from audit.services import record, record_list
from clients import answers, links, search
from clients.models import Client, DeclarationPage, FunnelStatus, InsuranceType, Submission
from clients.services import clients as services

FILTERS = {
    "agency": "agent__agency__id__exact",
    "agent": "agent__id__exact",
    "status": "sales_funnel_status__exact",
}
"""As the query names them."""
MAX_SEARCH = 200
MOST_COLLEAGUES = 20
"""Offered at a time to whoever reassigns a client; the others are found by typing."""
LONGEST_QUERY = 100_000
"""Of words among several agents, in characters: PostgreSQL takes what is twice as deep, or four times as large."""
NOBODY = Q(pk__in=())
LABELS = {FunnelStatus.WON.label: "success", FunnelStatus.LOST.label: "danger", FunnelStatus.NEW.label: "info"}


class ColleagueSelect(AutocompleteSelect):
    """Asks for choices as one types: an agency may have a hundred thousand agents."""

    target: Client

    def get_url(self) -> str:
        return reverse("admin:clients_client_colleagues", args=[self.target.pk])


class ReassignForm(ActForm):
    agent_id = forms.ModelChoiceField(
        Agent.objects.none(), label="Agent",
        widget=ColleagueSelect(Client._meta.get_field("agent"), admin.site),
    )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        agent: Any = self.fields["agent_id"]
        agent.queryset, agent.widget.target = _colleagues(self.target), self.target


class DestroyForm(ActForm):
    name = forms.CharField(
        max_length=201, widget=UnfoldAdminTextInputWidget, help_text="Type the client's name, as it stands above."
    )

    def clean_name(self) -> str:
        typed, wanted = (search.fold(text).split() for text in (self.cleaned_data["name"], str(self.target)))
        if typed != wanted:
            raise forms.ValidationError("This is not the client's name.")
        return self.cleaned_data["name"]


@admin.register(Client)
class ClientAdmin(ServiceAdmin):
    form = PhoneNumberForm
    list_display = ("name", "agent", "agency", "status", "created_at")
    list_filter = (
        ("agent__agency", AutocompleteSelectFilter),
        ("agent", AutocompleteSelectFilter),
        ("sales_funnel_status", ChoicesDropdownFilter),
    )
    lookups = FILTERS.values()
    list_filter_submit = True
    list_before_template = "admin/clients/finding.html"
    paginator = InfinitePaginator
    sortable_by = ()
    ordering = ("-id",)  # the order of their creation
    search_fields = ("email",)  # for the box to be there; see get_search_results
    search_help_text = "Name, e-mail address, phone or id"
    fields = (
        ("first_name", "last_name"), ("email", "phone_number"), "sales_funnel_status",
        ("agent", "agency"), ("created_at", "updated_at"), "id",
    )  # fmt: skip
    readonly_fields = ("agent", "agency", "id", "created_at", "updated_at")
    change_form_outer_after_template = "admin/clients/submissions.html"
    actions_detail = ("reassign", "destroy")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Client]:
        return super().get_queryset(request).select_related("agent__agency")

    @admin.display
    def name(self, client: Client) -> str:
        return str(client)

    @admin.display
    def agency(self, client: Client) -> str:
        return client.agent.agency.name

    @display(description="sales funnel status", label=LABELS)
    def status(self, client: Client) -> str:
        return client.get_sales_funnel_status_display()

    def update(self, request: HttpRequest, target: Client, values: dict[str, Any]) -> None:
        services.update_client(client=target, actor=administrator(request), values=values)

    # --- found ----------------------------------------------------------------------------------------

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Client], search_term: str
    ) -> tuple[QuerySet[Client], bool]:
        """By an index, whatever is asked: any words among the clients of one agent or agency, and among all clients
        what `_of_anybody` knows."""
        if request.path == reverse("admin:autocomplete"):  # would show names and leave no trace
            return queryset.none(), False
        term = search_term[:MAX_SEARCH].strip()
        if not term:
            return queryset, False
        agents = _agents_chosen(request)
        if agents is None:
            return queryset.filter(_of_anybody(term)), False
        query = search.query_of_words_by_any(agents.values_list("pk", flat=True), term)
        if query and len(query) > LONGEST_QUERY:
            self.message_user(request, "Too many agents to look for that among: choose one of them.", messages.WARNING)
            query = None
        if not query:
            return queryset.none(), False
        # Bounded, so that PostgreSQL looks into the index of words first, whatever it believes to find there.
        matching = Client.objects.filter(words__finds=query).values("pk")[:DEEPEST_ROW]
        return queryset.filter(pk__in=matching), False

    # --- who looked -----------------------------------------------------------------------------------

    @transaction.atomic
    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        _plan_for_these_values()
        answer = super().changelist_view(request, extra_context)
        if shown := getattr(answer, "context_data", {}).get("cl"):
            record_list(
                actor=administrator(request),
                action="client.list",
                model=Client,
                shown=shown.result_list,
                filters=[name for name, lookup in FILTERS.items() if request.GET.get(lookup)],
                searched=bool(shown.query),
            )
        return answer

    def shown(self, request: HttpRequest, target: Client) -> None:
        agency_id = target.agent.agency_id
        record(actor=administrator(request), action="client.view", target=target, agency_id=agency_id)

    # --- what they sent -------------------------------------------------------------------------------

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        if request.user.has_perm("clients.view_submission"):
            context["submissions"] = _submissions(context["original"])
            context["sees_pages"] = _sees_pages(request)
        return super().render_change_form(request, context, *args, **kwargs)

    def get_urls(self) -> list[Any]:
        download, colleagues = (self.admin_site.admin_view(view) for view in (self.download, self.colleagues))
        return [
            path("declaration-page/<uuid:page_id>/", download, name="clients_declarationpage"),
            path("<uuid:object_id>/colleagues/", colleagues, name="clients_client_colleagues"),
            *super().get_urls(),
        ]

    def download(self, request: HttpRequest, page_id: UUID) -> HttpResponseBase:
        if not (self.has_view_permission(request) and _sees_pages(request)):
            raise PermissionDenied
        page = DeclarationPage.objects.select_related("submission__client__agent").filter(pk=page_id).first()
        if page is None:
            raise Http404
        return links.attachment(request, page, administrator(request))

    # --- acts -----------------------------------------------------------------------------------------

    def has_destroy_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Django's permission to delete, which opens this act and not Django's own page."""
        return request.user.has_perm("clients.delete_client")

    @act(
        title="Reassign",
        explanation="The client, with all that it sent, is this agent's from now on. Only active agents of the same "
        "agency are offered.",
        form=ReassignForm,
    )
    def reassign(self, request: HttpRequest, target: Client, values: dict[str, Any]) -> None:
        services.reassign_client(client=target, actor=administrator(request), agent_id=values["agent_id"].pk)

    def colleagues(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """What the act's form offers, by what was typed of a name or an e-mail address."""
        if not (self.has_view_permission(request) and self.has_change_permission(request)):
            raise PermissionDenied
        client = Client.objects.select_related("agent").filter(pk=object_id).first()
        if client is None:
            raise Http404
        found = _colleagues(client)
        for word in request.GET.get("term", "").replace("\0", "")[:MAX_SEARCH].split()[: search.MOST_WORDS]:
            named = (Q((f"{field}__icontains", word)) for field in ("first_name", "last_name", "email"))
            found = found.filter(reduce(or_, named))
        results = [{"id": str(one.pk), "text": f"{one}, {one.email}"} for one in found[:MOST_COLLEAGUES]]
        return JsonResponse({"results": results})

    @act(
        title="Destroy",
        explanation="The client is removed with all submissions, declaration pages and their files, for good: nobody "
        "can bring them back. What stays is that it was done, and by whom.",
        form=DestroyForm,
        permission="destroy",
    )
    def destroy(self, request: HttpRequest, target: Client, values: dict[str, Any]) -> HttpResponse:
        services.destroy_client(client=target, actor=administrator(request))
        messages.success(request, "Done: the client was destroyed.")
        return HttpResponseRedirect(reverse("admin:clients_client_changelist"))


def _plan_for_these_values() -> None:
    """Until the transaction ends. Of the same question, one value finds half of all clients, and another finds none:
    PostgreSQL's one plan for both would read through the whole table for the latter."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL plan_cache_mode = force_custom_plan")


def _agents_chosen(request: HttpRequest) -> QuerySet[Agent] | None:
    """Whose clients the filters have chosen; None for everybody's. (What is no id was refused before.)"""
    if agent := request.GET.get(FILTERS["agent"]):
        return Agent.objects.filter(pk=agent)
    if agency := request.GET.get(FILTERS["agency"]):
        return Agent.objects.filter(agency__id=agency)
    return None


def _of_anybody(term: str) -> Q:
    """A whole e-mail address, id or telephone number, or how the last name begins, before or after other words of the
    name."""
    if "@" in term:
        return Q(pk__in=Client.objects.alias(address=Lower("email")).filter(address=Lower(Value(term))).values("pk"))
    if id_ := _uuid(term):
        return Q(pk=id_)
    if not re.search(r"[^\W\d]", term):
        return _has_phone_number(term)
    words = search.fold(term).split()[: search.MOST_WORDS]
    turns = (Q(sort_name__startswith=" ".join(words[n:])) & _has(words[:n]) for n in range(len(words)))
    return reduce(or_, turns, NOBODY)


def _has_phone_number(term: str) -> Q:
    digits = re.sub(r"[^0-9]", "", term)[-10:]
    clients = Client.objects.alias(digits=search.PhoneDigits("phone_number"))
    return Q(pk__in=clients.filter(digits=digits).values("pk")) if digits else NOBODY


def _has(words: list[str]) -> Q:
    return Q(*(("sort_name__contains", f" {word}") for word in words))


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _colleagues(client: Client) -> QuerySet[Agent]:
    """Who may be given it."""
    colleagues = Agent.objects.active().filter(agency=client.agent.agency_id).exclude(pk=client.agent_id)
    return colleagues.order_by("first_name", "last_name", "id")


def _sees_pages(request: HttpRequest) -> bool:
    return request.user.has_perm("clients.view_declarationpage")


def _submissions(client: Client) -> list[dict[str, Any]]:
    """The newest first, each with its answers as people read them."""
    pages = Prefetch("declaration_pages", DeclarationPage.objects.order_by("id"))
    submissions = list(Submission.objects.filter(client=client).order_by("-id").prefetch_related(pages))
    answered = answers.readable(submissions)
    return [
        {
            "row": one,
            "types": [InsuranceType(kind).label for kind in one.insurance_types],
            "answered": answered[one.pk],
        }
        for one in submissions
    ]
