"""What the OAuth library asks of us: who a client is, what a token is."""

import hmac
from datetime import timedelta
from functools import cache
from typing import Any

from django.db.models import BigIntegerField, CharField, DateTimeField, DurationField, TextField
from django.db.models.expressions import CombinedExpression
from django.db.models.functions import Now
from oauth2_provider.models import get_access_token_model
from oauth2_provider.oauth2_validators import OAuth2Validator
from oauthlib.common import Request
from oauthlib.oauth2.rfc6749 import errors

from api import credentials
from api.statements import InsertStatement, Slot, Statement
from oauth_clients.models import ClientSecret, OAuthClient

AccessToken = get_access_token_model()
CLIENT_COLUMNS = [field.attname for field in OAuthClient._meta.concrete_fields]


class ClientCredentialsValidator(OAuth2Validator):
    """Confidential clients, the client credentials grant (RFC 6749 §4.4), nothing else.

    Requests come from `oauth_clients.parameters`, so client id and secret are in the parameters, however sent.
    """

    def client_authentication_required(self, request: Request, *args: Any, **kwargs: Any) -> bool:
        return True

    def authenticate_client(self, request: Request, *args: Any, **kwargs: Any) -> bool:
        """Sets `request.client` to the client whose live secret was sent (RFC 6749 §2.3.1). One query, none for a typo.

        An unknown client, a wrong secret and a suspended client take the same path to the same answer. A fast hash is
        right here: a secret of ours holds 178 random bits, so there is nothing to guess that a slow one would protect.

        Raises InvalidClientError for any client that cannot be authenticated.
        """
        secret = request.client_secret or ""
        if credentials.kind_of(secret) == credentials.OAUTH_CLIENT_SECRET:
            sent = credentials.digest(secret)
            for digest, *client in _live_secrets().execute({"client_id": request.client_id or ""}):
                if hmac.compare_digest(bytes(digest), sent):
                    request.client = OAuthClient.from_db("default", CLIENT_COLUMNS, client)
                    return True
        raise errors.InvalidClientError("The client is unknown or suspended, or its secret is wrong or expired.")

    def validate_scopes(self, client_id: str, scopes: list[str], *args: Any, **kwargs: Any) -> bool:
        if not super().validate_scopes(client_id, scopes, *args, **kwargs):
            raise errors.InvalidScopeError("There is no such scope; leave it out for all that the client may have.")
        return True

    def save_bearer_token(self, token: dict[str, Any], request: Request, *args: Any, **kwargs: Any) -> None:
        """One INSERT, which needs no transaction around it. Its times are the database's, as when it is checked.

        A token that a crash of PostgreSQL took along is refused like any other, and its client asks for another.
        """
        values = {
            "client_pk": request.client.pk,
            "scope": token["scope"],
            "checksum": credentials.digest(token["access_token"]).hex(),
            "lifetime": timedelta(seconds=token["expires_in"]),
        }
        _new_token().execute_soon(values)

    def introspect_token(self, token: str, token_type_hint: str | None, request: Request) -> dict[str, Any] | None:
        """The claims of RFC 7662 §2.2; None for any token that is not a living one of the asking client."""
        row = (
            AccessToken.objects.filter(
                token_checksum=credentials.digest(token).hex(), application=request.client, expires__gt=Now()
            )
            .values_list("scope", "created", "expires")
            .first()
        )
        if row is None:
            return None
        scope, created, expires = row
        return {
            "scope": scope,
            "client_id": request.client.client_id,
            "token_type": "bearer",
            "iat": int(created.timestamp()),
            "exp": int(expires.timestamp()),
        }


@cache
def _new_token() -> InsertStatement:
    """Without the token itself, as `set_token_value` leaves it under COMPLIANT_BCP_RFC9700_TOKEN_STORAGE."""
    return InsertStatement(
        AccessToken(
            application_id=Slot("client_pk", BigIntegerField()),
            scope=Slot("scope", TextField()),
            token="",
            token_checksum=Slot("checksum", CharField()),
            expires=CombinedExpression(Now(), "+", Slot("lifetime", DurationField()), output_field=DateTimeField()),
            created=Now(),
            updated=Now(),
        )
    )


@cache
def _live_secrets() -> Statement:
    """The digests of a client's live secrets, each with the client's own columns."""
    return Statement(
        ClientSecret.objects.live()
        .filter(oauth_client__client_id=Slot("client_id", CharField()), oauth_client__suspended_at__isnull=True)
        .values_list("digest", *(f"oauth_client__{column}" for column in CLIENT_COLUMNS))
    )
