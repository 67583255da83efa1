from collections.abc import Sequence
from typing import ClassVar

from django.db.models import QuerySet
from django.http import QueryDict
from django_filters import CharFilter, ChoiceFilter, IsoDateTimeFilter

from api.filters import AnyOfFilter, StrictFilterSet, SyncedFilterSet
from clients.models import Client, FunnelStatus, InsuranceType, QuestionSet
from clients.search import Kind, email_key, phone_key, query_of_value, query_of_words


class ClientFilter(SyncedFilterSet):
    """Query parameters of an agent's list of clients. `known` holds whose: `agent_id`."""

    searching: ClassVar = frozenset({"search", "filterByName", "filterByEmail", "filterByPhone"})

    search = CharFilter(
        method="by_words",
        max_length=200,
        help_text="Words that name, e-mail address or phone number have, or begin with.",
    )
    filterByName = CharFilter(  # noqa: N815 - the contract's names
        method="by_name", max_length=200, help_text="Words of the name, or how they begin; in any case, accents or not."
    )
    filterByEmail = CharFilter(method="by_email", max_length=254, help_text="The whole address, in any case.")  # noqa: N815
    filterByPhone = CharFilter(method="by_phone", max_length=40, help_text="The whole number, however it is written.")  # noqa: N815
    salesFunnelStatus = AnyOfFilter(  # noqa: N815
        field_name="sales_funnel_status", choices=FunnelStatus.choices, help_text="May repeat: any of them."
    )
    createdAfter = IsoDateTimeFilter(field_name="created_at", lookup_expr="gt", help_text="RFC 3339.")  # noqa: N815
    createdBefore = IsoDateTimeFilter(field_name="created_at", lookup_expr="lt", help_text="RFC 3339.")  # noqa: N815
    updatedAfter = IsoDateTimeFilter(field_name="updated_at", lookup_expr="gt", help_text="RFC 3339.")  # noqa: N815

    class Meta:
        model = Client
        fields: list[str] = []

    @classmethod
    def parts(cls, query: QueryDict) -> Sequence[str] | None:
        if cls.asked(query, but=frozenset({"salesFunnelStatus"})):
            return None
        return sorted({one for one in query.getlist("salesFunnelStatus") if one}) or FunnelStatus.values

    def by_words(self, queryset: QuerySet[Client], name: str, value: str) -> QuerySet[Client]:
        return self._found(queryset, query_of_words(self.known["agent_id"], Kind.ANY, value))

    def by_name(self, queryset: QuerySet[Client], name: str, value: str) -> QuerySet[Client]:
        return self._found(queryset, query_of_words(self.known["agent_id"], Kind.NAME, value))

    def by_email(self, queryset: QuerySet[Client], name: str, value: str) -> QuerySet[Client]:
        return self._found(queryset, query_of_value(self.known["agent_id"], Kind.EMAIL, email_key(value)))

    def by_phone(self, queryset: QuerySet[Client], name: str, value: str) -> QuerySet[Client]:
        return self._found(queryset, query_of_value(self.known["agent_id"], Kind.PHONE, phone_key(value)))

    def _found(self, queryset: QuerySet[Client], query: str | None) -> QuerySet[Client]:
        return queryset.filter(words__finds_own=query) if query else queryset.none()


class QuestionSetFilter(StrictFilterSet):
    """Query parameters of the list of question sets."""

    insuranceType = ChoiceFilter(field_name="insurance_type", choices=InsuranceType.choices)  # noqa: N815

    class Meta:
        model = QuestionSet
        fields: list[str] = []
