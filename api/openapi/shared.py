"""What all operations share: error answers, headers, parameters, and the endpoints that are no `ApiView`."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from api import errors
from api.openapi import examples, samples

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ErrorAnswer:
    name: str
    description: str
    code: str
    message: str
    headers: tuple[str, ...] = ()
    details: tuple[Json, ...] = ()
    counted: bool = True
    """Whether it has the headers of the rate limit: not what the server refuses before it knows who calls."""

    def as_response(self) -> Json:
        error: Json = {"code": self.code, "message": self.message}
        if self.details:
            error["details"] = list(self.details)
        example = {"error": {**error, "request_id": examples.VALUES["request_id"]}}
        schema = {"$ref": "#/components/schemas/ErrorEnvelope"}
        return {
            "description": self.description,
            "headers": headers("X-Request-Id", *(RATE_HEADERS if self.counted else ()), *self.headers),
            "content": {"application/json": {"schema": schema, "example": example}},
        }


RATE_HEADERS = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")
HEADERS: dict[str, Json] = {
    "X-Request-Id": {"description": "The caller's own, if it was sane, else a new one.", "schema": {"type": "string"}},
    "X-RateLimit-Limit": {"description": "Requests a minute.", "schema": {"type": "integer"}},
    "X-RateLimit-Remaining": {"description": "Requests left in this minute.", "schema": {"type": "integer"}},
    "X-RateLimit-Reset": {"description": "When the minute ends, in Unix seconds.", "schema": {"type": "integer"}},
    "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}},
    "WWW-Authenticate": {"description": "`Bearer`; under `/oauth/`, `Basic`.", "schema": {"type": "string"}},
    "Allow": {"description": "The methods that are taken.", "schema": {"type": "string"}},
    "ETag": {"description": "Of this very answer; send it as If-None-Match.", "schema": {"type": "string"}},
    "Location": {"description": "Where the new resource is.", "schema": {"type": "string"}},
    "Idempotency-Replayed": {
        "description": "`true` where this is the first answer again.",
        "schema": {"type": "string", "enum": ["true"]},
    },
}
DETAIL = {"field": "email", "code": "invalid", "message": "Enter a valid email address."}
ERRORS = {
    400: ErrorAnswer("Malformed", "What was sent cannot be read.", "malformed", "The body is not JSON."),
    401: ErrorAnswer(
        "Unauthenticated",
        "No credential, or an unknown, expired or revoked one.",
        "invalid_token",
        "The token is unknown, expired or revoked.",
        ("WWW-Authenticate",),
    ),
    403: ErrorAnswer(
        "Forbidden",
        "A credential of the wrong kind or role; or an id that it does not reach, whether or not it exists.",
        "forbidden",
        errors.OUT_OF_REACH,
    ),
    404: ErrorAnswer(
        "NotFound",
        "A UUID that the caller does not reach, whether or not it exists; or an id that is no number.",
        "not_found",
        errors.OUT_OF_REACH,
    ),
    405: ErrorAnswer(
        "MethodNotAllowed", "Another method.", "method_not_allowed", 'Method "PUT" not allowed.', ("Allow",)
    ),
    406: ErrorAnswer(
        "NotAcceptable", "Accept leaves out JSON.", "not_acceptable", "Answers are application/json; accept that."
    ),
    409: ErrorAnswer(
        "Conflict",
        "The Idempotency-Key was used with another request, or is in flight.",
        "idempotency_key_reused",
        "This Idempotency-Key was used with another request.",
        ("Retry-After",),
    ),
    413: ErrorAnswer("TooLarge", "A body or file over its limit.", "too_large", errors.TooLarge.message),
    414: ErrorAnswer(
        "UriTooLong", "A request line over 8190 bytes.", "uri_too_long", "URI Too Long.", counted=False
    ),
    415: ErrorAnswer(
        "UnsupportedMediaType",
        "A Content-Type that is not taken.",
        "unsupported_media_type",
        'Unsupported media type "text/xml" in request.',
    ),
    422: ErrorAnswer(
        "Invalid", "Values that fail validation: all of them.", "invalid", "email: Enter a valid email address.",
        details=(DETAIL,),
    ),
    429: ErrorAnswer(
        "RateLimited",
        "Over the rate limit.",
        "rate_limited",
        errors.RateLimited.message,
        ("Retry-After",),
    ),
    431: ErrorAnswer(
        "HeadersTooLarge",
        "Over 100 headers, or one over 8190 bytes.",
        "headers_too_large",
        "Request Header Fields Too Large.",
        counted=False,
    ),
    500: ErrorAnswer(
        "ServerError",
        "Anything unforeseen.",
        "internal",
        errors.ServerError.message,
    ),
    503: ErrorAnswer(
        "Unavailable",
        "The database or the storage of files is away; nothing was changed.",
        "unavailable",
        errors.Unavailable.message,
        ("Retry-After",),
    ),
}  # fmt: skip
PARAMETERS: dict[str, Json] = {
    "IdempotencyKey": {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "Kept for 24 hours: the same key and body gets the first answer again.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[\\x21-\\x7e]+$"},
    },
    "IfNoneMatch": {
        "name": "If-None-Match",
        "in": "header",
        "description": "The ETag of an earlier answer; 304 if nothing has changed.",
        "schema": {"type": "string"},
    },
    "RequestId": {
        "name": "X-Request-Id",
        "in": "header",
        "description": "Your own id for this request, for the logs of both sides: up to 128 letters, digits and `.`, "
        "`_`, `:`, `-`. Any other is passed over, and a new one made.",
        "schema": {"type": "string"},
    },
}
SECURITY_SCHEMES: dict[str, Json] = {
    "partnerToken": {
        "type": "oauth2",
        "description": "A partner's access token, by client credentials; it lives one hour.",
        "flows": {"clientCredentials": {"tokenUrl": "/oauth/token", "scopes": {}}},
    },
    "agentToken": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "agency_pat_…",
        "description": "An agent's personal access token, shown once when the agent is created or its token reset.",
    },
    "clientCredentials": {
        "type": "http",
        "scheme": "basic",
        "description": "An OAuth client's id and secret; they may stand in the body instead.",
    },
}


def answer_headers(method: str, status: HTTPStatus) -> Json:
    """The headers of a successful answer."""
    names = ["X-Request-Id", *RATE_HEADERS]
    if method == "GET":
        names.append("ETag")
    if method == "POST":
        names.append("Idempotency-Replayed")
    if status == HTTPStatus.CREATED:
        names.append("Location")
    return headers(*names)


def headers(*names: str) -> Json:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


NOT_MODIFIED: Json = {
    "description": "Nothing has changed since that ETag.",
    "headers": headers("X-Request-Id", *RATE_HEADERS, "ETag"),
}


# --- endpoints outside of /v1/ ----------------------------------------------------------------------


OAUTH_ERROR_BODY: Json = {
    "application/json": {
        "schema": {"$ref": "#/components/schemas/OAuthError"},
        "example": {"error": "invalid_client", "error_description": "The client is unknown or suspended."},
    }
}
OAUTH_REFUSALS = {
    400: ("Malformed, or a grant that is not given.", ()),
    401: ("The client cannot be authenticated.", ("WWW-Authenticate",)),
    405: ("Another method.", ("Allow",)),
    413: ("Too large.", ()),
    415: ("Neither form nor JSON.", ()),
    429: ("Over the rate limit.", ("Retry-After",)),
    500: ("Anything unforeseen.", ()),
    503: ("The database is away.", ("Retry-After",)),
}
"""By status, why, and the headers beside those of every answer."""
PRINTABLE: Json = {"type": "string", "pattern": "^[ -~]*$"}  # RFC 6749 appendix A
CLIENT: Json = {
    "client_id": {**PRINTABLE, "maxLength": 255, "example": "9kXaEXAMPLE"},
    "client_secret": {**PRINTABLE, "example": "agency_ocs_EXAMPLEexampleEXAMPLEexampleEX000000"},
}
GRANT: Json = {
    "grant_type": {"const": "client_credentials", "example": "client_credentials"},
    "scope": {**PRINTABLE, "example": "provisioning"},
}
TOKEN: Json = {"token": {**PRINTABLE, "minLength": 1, "example": "agency_oat_EXAMPLEexampleEXAMPLEexampleEX000000"}}
ISSUED: Json = {
    "access_token": {"type": "string"},
    "token_type": {"const": "bearer"},
    "expires_in": {"type": "integer"},
    "scope": {"type": "string"},
}
FORMS: dict[str, Json] = {
    "/oauth/token": {"grant_type": "client_credentials"},
    "/oauth/revoke": {"token": None},
    "/oauth/introspect": {"token": None},
}
"""What samples send, beside the client's credentials; None is the TOKEN of the environment."""


def service_paths() -> dict[str, Json]:
    """The paths that are no `ApiView`."""
    paths = {**_oauth_paths(), **_open_paths()}
    for path, methods in paths.items():
        for method, operation in methods.items():
            operation["x-codeSamples"] = samples.of_service(method.upper(), path, FORMS.get(path))
    return paths


def _oauth_paths() -> dict[str, Json]:
    issued = {
        "access_token": TOKEN["token"]["example"],
        "token_type": "bearer",
        "expires_in": 3600,
        "scope": "provisioning",
    }
    return {
        "/oauth/token": _oauth(
            "issueToken",
            "Get an access token",
            "Client credentials (RFC 6749 §4.4). Ten requests a minute for each client id and address.",
            {**GRANT, **CLIENT},
            ["grant_type"],
            {"schema": {"type": "object", "properties": ISSUED, "required": list(ISSUED)}, "example": issued},
        ),
        "/oauth/revoke": _oauth(
            "revokeToken",
            "Revoke an access token",
            "RFC 7009. The client's own token stops working at once; any other is left as it is.",
            {**TOKEN, **CLIENT},
            ["token"],
            {"schema": {"type": "object"}, "example": {}},
        ),
        "/oauth/introspect": _oauth(
            "introspectToken",
            "Ask about an access token",
            "RFC 7662. A client learns of its own tokens; any other is not active.",
            {**TOKEN, **CLIENT},
            ["token"],
            {
                "schema": {"type": "object", "properties": {"active": {"type": "boolean"}}, "required": ["active"]},
                "example": {"active": True, "client_id": "9kXaEXAMPLE", "token_type": "bearer", "exp": 1795470000},
            },
        ),
    }


def _open_paths() -> dict[str, Json]:
    return {
        "/.well-known/oauth-authorization-server": _open_get(
            "showAuthorizationServer", "The authorization server's metadata", "RFC 8414.", "OAuth"
        ),
        "/healthz": _open_get("showHealth", "Whether the process is alive", "Asks nothing else.", "Service"),
        "/readyz": _open_get(
            "showReadiness",
            "Whether requests can be served",
            "Database, migrations, counter store and broker, each by itself; 503 where requests cannot be served.",
            "Service",
            also={"503": {"description": "Requests cannot be served."}},
        ),
    }


def _oauth(name: str, summary: str, description: str, fields: Json, required: list[str], answer: Json) -> Json:
    """A call under /oauth/: form or JSON in, JSON out, errors as RFC 6749 §5.2 says."""
    body = {"type": "object", "properties": fields, "required": required}
    example = {field: one["example"] for field, one in fields.items()}
    shared = ("X-Request-Id", *RATE_HEADERS)
    responses = {"200": {"description": "OK", "headers": headers(*shared), "content": {"application/json": answer}}}
    for status, (why, more) in OAUTH_REFUSALS.items():
        responses[str(status)] = {"description": why, "headers": headers(*shared, *more), "content": OAUTH_ERROR_BODY}
    return {
        "post": {
            "operationId": name,
            "summary": summary,
            "description": description,
            "tags": ["OAuth"],
            "security": [{"clientCredentials": []}, {}],
            "parameters": [{"$ref": "#/components/parameters/RequestId"}],
            "requestBody": {
                "required": True,
                "content": {
                    media: {"schema": body, "example": example}
                    for media in ("application/x-www-form-urlencoded", "application/json")
                },
            },
            "responses": responses,
        }
    }


def _open_get(name: str, summary: str, description: str, tag: str, also: Json | None = None) -> Json:
    """A call that takes nothing, and needs no credential."""
    shown = {"application/json": {"schema": {"type": "object"}}}
    responses = {"200": {"description": "OK", "content": shown}, **(also or {})}
    return {
        "get": {
            "operationId": name,
            "summary": summary,
            "description": description,
            "tags": [tag],
            "security": [],
            "responses": responses,
        }
    }
