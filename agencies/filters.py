from agencies.models import Agency
from api.filters import DeactivationFilterSet


class AgencyFilter(DeactivationFilterSet):
    """Query parameters of the list of agencies."""

    class Meta:
        model = Agency
        fields: list[str] = []
