from datetime import UTC, datetime, timedelta

from django.db.models import QuerySet
from django_filters import ChoiceFilter, IsoDateTimeFilter

from api.filters import StrictFilterSet
from webhooks.catalogue import ALL_TYPES
from webhooks.models import Delivery
from webhooks.partitions import first_id

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
CLOCKS_APART = timedelta(minutes=5)
"""How far the clocks of servers and database may be apart: ids have the time of the one, created_at of the other."""


class DeliveryFilter(StrictFilterSet):
    """Query parameters of a webhook's delivery log."""

    status = ChoiceFilter(field_name="state", choices=Delivery.State.choices)
    event = ChoiceFilter(
        field_name="event_type", choices=[(one.name, one.name) for one in ALL_TYPES], help_text="Its type."
    )
    createdAfter = IsoDateTimeFilter(method="created_after", help_text="RFC 3339.")  # noqa: N815 - the contract's name

    class Meta:
        model = Delivery
        fields: list[str] = []

    def created_after(self, queryset: QuerySet[Delivery], name: str, value: datetime) -> QuerySet[Delivery]:
        """By the time in the ids first, which are in the index."""
        earliest = max(value, EPOCH) - CLOCKS_APART
        return queryset.filter(pk__gte=first_id(earliest), created_at__gt=value)
