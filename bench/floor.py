"""The floor: a bare WSGI function that asks who calls, how many rows there are, and for those of the page; no more."""

import hashlib
import os
import threading
from collections.abc import Callable, Iterable
from typing import Any

import orjson
import psycopg

local = threading.local()

AUTHENTICATE = """
    SELECT t.application_id FROM oauth2_provider_accesstoken t
    JOIN oauth_clients_oauthclient c ON c.id = t.application_id
    WHERE t.token_checksum = %s AND t.expires > now() AND c.suspended_at IS NULL
"""
COUNT = """
    SELECT sum(amount)::bigint FROM api_total WHERE listed = 'agents_agentlink' AND owner = %s::text AND part = 'active'
"""
PAGE = """
    SELECT a.id, a.first_name, a.last_name, a.email, a.slug, a.phone_number, a.is_admin, a.is_owner,
           g.id, g.name, g.color_code, a.profile_picture, a.created_at, a.deactivated_at
    FROM agents_agent a JOIN agencies_agency g ON g.id = a.agency_id
    WHERE a.id IN (
        SELECT agent_id FROM agents_agentlink WHERE oauth_client_id = %s AND active ORDER BY agent_id LIMIT 25
    ) ORDER BY a.id
"""
NAMES = (
    "id", "first_name", "last_name", "email", "slug", "phone_number", "is_admin", "is_owner",
    "agency_id", "agency_name", "color_code", "profile_picture_url", "created_at", "deactivated_at",
)  # fmt: skip


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    connection = getattr(local, "connection", None)
    if connection is None:
        # Prepared from the first time on, as far as PostgreSQL goes for a bare client.
        connection = local.connection = psycopg.connect(os.environ["DATABASE_URL"], autocommit=True)
    token = environ["HTTP_AUTHORIZATION"].removeprefix("Bearer ")
    [client] = connection.execute(AUTHENTICATE, [hashlib.sha256(token.encode()).hexdigest()]).fetchone()
    [total] = connection.execute(COUNT, [client]).fetchone()
    rows = connection.execute(PAGE, [client]).fetchall()
    body = orjson.dumps({"data": [dict(zip(NAMES, row, strict=True)) for row in rows], "total": total})
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]
