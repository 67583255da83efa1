from django.db.models.expressions import RawSQL
from django_filters import CharFilter

from agents.models import Agent, AgentQuerySet
from api.filters import DeactivationFilterSet


class AgentFilter(DeactivationFilterSet):
    """Query parameters of the lists of agents."""

    filterByEmail = CharFilter(  # noqa: N815 - the contract's name
        method="by_email", max_length=254, help_text="The whole address, in any case."
    )

    class Meta:
        model = Agent
        fields: list[str] = []

    def by_email(self, queryset: AgentQuerySet, name: str, value: str) -> AgentQuerySet:
        """By index, which a policy would stand before (docs/row-level-security.md)."""
        return queryset.filter(pk__in=RawSQL("SELECT agents_with_email(%s)", [value]))
