"""From an OAuth access token to its principal."""

from functools import cache

from django.db import connection
from django.db.models.functions import Now
from oauth2_provider.models import get_access_token_model

from api import credentials
from api.principals import Partner


def authenticate(token: str) -> Partner | None:
    """None for a token that is unknown, expired or revoked, or whose client is suspended. One query."""
    with connection.cursor() as cursor:
        cursor.execute(_statement(), [credentials.digest(token).hex()])
        row = cursor.fetchone()
    return Partner(*row) if row else None


@cache
def _statement() -> str:
    """The query, its one parameter a token's checksum. Every request runs it: composing it anew costs thrice that."""
    rows = (
        get_access_token_model()
        .objects.filter(
            token_checksum="",
            expires__gt=Now(),
            application__isnull=False,
            application__suspended_at__isnull=True,
        )
        .values_list("application_id", "application__client_id", "pk", "application__rate_limit_per_minute")
    )
    return rows.query.sql_with_params()[0]
