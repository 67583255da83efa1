"""The audit trail: to be read, by nobody to be changed."""

import re
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.text import Truncator
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import RangeDateTimeFilter

from api.lookups import Narrowed
from audit.models import AuditEntry


@admin.register(AuditEntry)
class AuditEntryAdmin(Narrowed, ModelAdmin):
    list_display = ("moment", "who", "action", "target", "agency_id")
    list_display_links = ("moment",)
    list_filter = (("at", RangeDateTimeFilter),)
    lookups = ("at_from_0", "at_from_1", "at_to_0", "at_to_1")
    list_filter_submit = True
    list_per_page = 50
    show_full_result_count = False
    search_fields = ("actor",)  # for the box to be there; see get_search_results
    search_help_text = "Whole: agent:12 (as actor or target), agency.deactivate, agency 12, or a request id."
    actions = None

    @admin.display(description="at")
    def moment(self, entry: AuditEntry) -> str:
        """To the second, in one line."""
        return format_html('<span class="whitespace-nowrap">{}</span>', f"{entry.at:%Y-%m-%d %H:%M:%S}")

    @admin.display(description="actor")
    def who(self, entry: AuditEntry) -> str:
        """A partner's id is long, and nothing breaks it: it is whole where the mouse is, and on the entry's page."""
        return format_html('<span title="{}">{}</span>', entry.actor, Truncator(entry.actor).chars(24))

    @admin.display(description="target")
    def target(self, entry: AuditEntry) -> str:
        """A list that was looked at has no id."""
        return f"{entry.target_type}:{entry.target_id}".removesuffix(":")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[AuditEntry], search_term: str
    ) -> tuple[QuerySet[AuditEntry], bool]:
        """Whole values only, each by an index: the trail is the table that grows for ever."""
        term = search_term.strip()
        if not term:
            return queryset, False
        wanted = Q(actor=term) | Q(action=term) | Q(request_id=term)
        if target := re.fullmatch(r"(\w+):(\S+)", term):
            wanted |= Q(target_type=target[1], target_id=target[2])
        if agency := re.fullmatch(r"agency (\d{1,18})", term):
            wanted |= Q(agency_id=int(agency[1]))
        return queryset.filter(wanted), False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
