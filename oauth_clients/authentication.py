"""From an OAuth access token to its principal."""

from functools import cache

from django.db.models import CharField
from django.db.models.functions import Now
from oauth2_provider.models import get_access_token_model

from api import credentials
from api.principals import Partner
from api.statements import Slot, Statement


def authenticate(token: str) -> Partner | None:
    """None for a token that is unknown, expired or revoked, or whose client is suspended. One query."""
    rows = _statement().execute({"checksum": credentials.digest(token).hex()})
    return Partner(*rows[0]) if rows else None


@cache
def _statement() -> Statement:
    return Statement(
        get_access_token_model()
        .objects.filter(
            token_checksum=Slot("checksum", CharField()),
            expires__gt=Now(),
            application__isnull=False,
            application__suspended_at__isnull=True,
        )
        .values_list("application_id", "application__client_id", "pk", "application__rate_limit_per_minute")
    )
