"""`python -m bench.scale_data DATABASE AGENCIES AGENTS CLIENTS`: a platform of this size, and who calls there.

Written by PostgreSQL itself, in minutes. Tenants are as uneven as they are in life: one agency has a tenth of all
agents, one agent of it a tenth of all clients, one webhook half of all deliveries, one partner reaches every agency;
and there are an agency of one agent, an agent of one client, a partner of one agency. Who calls goes as JSON into the
file SEATS. Of all that can be changed, what changed last did so at BASE, and each row before it a minute earlier.
"""

import os
import sys
from pathlib import Path
from typing import Any

import django
import orjson
import psycopg
from django.core.management import call_command

PARTNERS = 23
FOUND = 10
"""Clients of the largest agent who share a last name."""
AGENCIES = """
    INSERT INTO agencies_agency (name, color_code, referral, logo, created_at, updated_at, deactivated_at)
    SELECT 'Agency ' || n, '1D4ED8', '', '', changed, changed, CASE WHEN n %% 50 = 9 THEN changed END
    FROM generate_series(1, %(agencies)s) n,
        LATERAL (SELECT %(base)s::timestamptz - (%(agencies)s - n) * interval '10 min' AS changed)
"""
LINKS = """
    INSERT INTO oauth_clients_agencylink (oauth_client_id, agency_id, created_at)
    SELECT 1, n, now() FROM generate_series(1, %(agencies)s) n
    UNION ALL SELECT 2, n * (%(agencies)s / %(linked)s) - 1, now() FROM generate_series(1, %(linked)s) n
    UNION ALL SELECT 3, %(agencies)s, now()
    UNION ALL SELECT 4 + n %% 20, n, now() FROM generate_series(1, %(agencies)s - 1) n
"""
AGENTS = """
    INSERT INTO agents_agent (
        agency_id, first_name, last_name, email, slug, phone_number, profile_picture, is_admin, is_owner,
        additional_questions_enabled, created_at, updated_at, deactivated_at
    )
    SELECT
        CASE WHEN n = %(agents)s / 2 + 1 THEN %(agencies)s
             WHEN n %% 10 = 0 THEN 1
             ELSE 2 + n %% (%(agencies)s - 2) END,
        'First' || n, 'Last' || n, 'agent' || n || '@bench.example', 'first-last-' || n, '(212) 555-0123', '',
        n IN (%(agents)s / 2, %(agents)s / 2 + 1), false, false, changed, changed,
        CASE WHEN n %% 100 IN (10, 17, 41, 63, 89) THEN changed END
    FROM generate_series(1, %(agents)s) n,
        LATERAL (SELECT %(base)s::timestamptz - (%(agents)s - n) * interval '1 min' AS changed)
"""
AGENT_TOKENS = """
    INSERT INTO agents_agenttoken (agent_id, digest, created_at)
    SELECT id, sha256(convert_to('of agent ' || id, 'UTF8')), now() FROM agents_agent
"""
CLIENTS = f"""
    INSERT INTO clients_client (
        id, agent_id, first_name, last_name, email, phone_number, sales_funnel_status, created_at, updated_at,
        sort_name, words
    )
    SELECT
        uuidv7(changed - now()), agent, 'Ann', last, email, '',
        CASE WHEN rank %% 100 < 50 THEN 'new' WHEN rank %% 100 < 75 THEN 'contacted' WHEN rank %% 100 < 90 THEN 'quoted'
             WHEN rank %% 100 < 98 THEN 'won' ELSE 'lost' END,
        changed, changed, lower(last) || ' ann',
        array_to_tsvector(ARRAY[
            agent || 'nann', agent || 'n' || lower(last), agent || 'aann', agent || 'a' || lower(last),
            agent || 'abench', agent || 'aexample', agent || 'e' || email
        ])
    FROM generate_series(1, %(clients)s) n,
        LATERAL (SELECT n = %(clients)s / 2 + 1 AS alone, n %% 10 = 0 AS of_largest),
        LATERAL (
            SELECT CASE WHEN alone THEN %(agents)s / 2 + 1 WHEN of_largest THEN %(agents)s / 2
                        ELSE 1 + n %% (%(agents)s / 2 - 1) END AS agent,
                   CASE WHEN of_largest THEN n / 10 ELSE 1 END AS rank
        ),
        LATERAL (SELECT 'Last' || rank %% (%(clients)s / 10 / {FOUND}) || 'x' AS last),
        LATERAL (SELECT lower(last) || '@bench.example' AS email),
        LATERAL (
            SELECT CASE WHEN of_largest AND rank <= 25 THEN '2020-01-01'::timestamptz + rank * interval '1 min'
                        ELSE %(base)s::timestamptz - (%(clients)s - n) / 10 * interval '1 min' END AS changed
        )
"""  # noqa: S608
SUBMISSIONS = """
    INSERT INTO clients_submission (id, client_id, insurance_types, question_versions, answers, created_at)
    SELECT uuidv7(), id, '{auto,home}', '{}', '{}', created_at FROM (
        SELECT id, created_at FROM clients_client WHERE agent_id < %(agents)s / 8
        UNION ALL SELECT id, created_at FROM seat_clients, generate_series(1, submissions)
    )
"""
PAGES = """
    INSERT INTO clients_declarationpage (
        id, submission_id, filename, stored_name, content_type, size, sha256, uploaded_at, reading, reading_tries,
        found, corrected
    )
    SELECT uuidv7(), id, 'policy.pdf', id::text, 'application/pdf', 184320, repeat('0', 64), now(), 'done', 1, '{}',
        '{}'
    FROM clients_submission
"""
SEAT_CLIENTS = """
    CREATE TEMPORARY TABLE seat_clients AS
    SELECT DISTINCT ON (agent_id) id, created_at, CASE WHEN agent_id = %(agents)s / 2 THEN 50 ELSE 1 END AS submissions
    FROM clients_client WHERE agent_id IN (%(agents)s / 2, %(agents)s / 2 + 1) ORDER BY agent_id, id
"""
WEBHOOKS = """
    INSERT INTO webhooks_subscription (
        id, agency_id, url, events, description, status, disabled_reason, secrets, created_at, updated_at, cap,
        failures_in_row, breaker_trips, told
    )
    SELECT uuidv7(), agency, 'https://hooks.example/' || n, '{*}', '', 'enabled', '', '[]', now(), now(), 2, 0, 0, ''
    FROM generate_series(1, %(agencies)s / 10 + 50) n,
        LATERAL (SELECT CASE WHEN n <= 49 THEN 1 WHEN n = 50 THEN %(agencies)s ELSE (n - 50) * 10 - 1 END AS agency)
"""
EVENTS = """
    INSERT INTO webhooks_event (id, agency_id, type, body)
    SELECT uuidv7(), CASE WHEN n = 1 THEN %(agencies)s ELSE 1 END,
        CASE WHEN n > %(clients)s / 5 - 50 THEN 'client.reassigned' ELSE 'client.updated' END, '{}'
    FROM generate_series(1, %(clients)s / 5) n
"""
DELIVERIES = """
    WITH hooks AS (
        SELECT id, agency_id, row_number() OVER (ORDER BY id) - 1 AS n, count(*) OVER () AS hooks
        FROM webhooks_subscription WHERE agency_id = 1
    ), events AS (
        SELECT id, agency_id, type, row_number() OVER (ORDER BY id) AS n, count(*) OVER () AS events
        FROM webhooks_event
    )
    INSERT INTO webhooks_delivery (
        id, subscription_id, event_id, event_type, replay, state, attempts, next_attempt_at, created_at, finished_at
    )
    SELECT uuidv7(made - now()),
        coalesce(hooks.id, (SELECT id FROM webhooks_subscription WHERE agency_id = %(agencies)s)),
        events.id, events.type, 0, CASE WHEN events.n > events - 50 THEN 'exhausted' ELSE 'delivered' END, 1, NULL,
        made, made
    FROM events LEFT JOIN hooks ON events.n > 1
        AND hooks.n = CASE WHEN events.n %% 2 = 0 THEN 0 ELSE events.n / 2 %% (hooks - 1) + 1 END,
        LATERAL (SELECT %(base)s::timestamptz - (events - events.n) / 2 * interval '1 min' AS made)
"""
ATTEMPTS = """
    INSERT INTO webhooks_attempt (id, delivery_id, number, started_at, duration_ms, status, error, answer)
    SELECT uuidv7(), id, 1, created_at, 20, 200, '', 'ok' FROM webhooks_delivery
"""
STATEMENTS = (
    AGENCIES, LINKS, AGENTS, AGENT_TOKENS,
    "DROP INDEX client_by_words", CLIENTS,  # that index is made anew at the end, which is many times faster
    "CREATE INDEX client_by_words ON clients_client USING gin (words) WITH (fastupdate = off)",
    SEAT_CLIENTS, SUBMISSIONS, PAGES, WEBHOOKS, EVENTS, DELIVERIES, ATTEMPTS, "VACUUM ANALYZE",
)  # fmt: skip


def main(database: str, agencies: int, agents: int, clients: int) -> None:
    admin = os.environ["DATABASE_URL"].replace(f"/{database}?", "/postgres?")
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {database}")
    django.setup()
    call_command("migrate", verbosity=0)
    sizes = {"agencies": agencies, "agents": agents, "clients": clients, "linked": min(100, agencies // 10)}
    _fill({**sizes, "base": os.environ["BASE"]})
    _tidy()
    seats = {
        "partner": {"largest": _partner(1), "middling": _partner(2), "smallest": _partner(3)},
        "agent": {"largest": _agent(agents // 2), "smallest": _agent(agents // 2 + 1)},
    }
    Path(os.environ["SEATS"]).write_bytes(orjson.dumps(seats, default=str))


def _fill(facts: dict[str, Any]) -> None:
    from django.db import connection

    from oauth_clients.models import OAuthClient

    OAuthClient.objects.bulk_create(OAuthClient(pk=pk, name=f"Partner {pk}") for pk in range(1, PARTNERS + 1))
    with psycopg.ClientCursor(connection.connection) as cursor:  # CREATE TABLE takes no parameters
        cursor.execute("SET statement_timeout = 0")
        cursor.execute("SET maintenance_work_mem = '512MB'")
        for statement in STATEMENTS:
            cursor.execute(statement, facts)


def _tidy() -> None:
    """As each day."""
    from agents.tasks import tidy_totals

    tidy_totals()


def _partner(pk: int) -> dict[str, Any]:
    from bench.data import tokens_of
    from oauth_clients.models import OAuthClient

    partner = OAuthClient.objects.get(pk=pk)
    [token] = tokens_of(partner, 1)
    last = partner.agency_links.order_by("agency_id").values_list("agency__agents__email", flat=True).last()
    return {"token": token, "label": f"partner:{partner.client_id}", "email": last, "path": {}}


def _agent(pk: int) -> dict[str, Any]:
    """With the first of everything that is its own, for the paths; and a phone number to find its client by."""
    from django.db.models import TextField
    from django.db.models.functions import Cast

    from agents.models import Agent, AgentToken
    from api import credentials
    from clients.models import INDEXED, Client

    agent = Agent.objects.get(pk=pk)
    token = credentials.generate(credentials.AGENT_TOKEN)
    AgentToken.objects.create(agent=agent, digest=credentials.digest(token))
    client = agent.clients.order_by("pk")[0]
    words = Client.objects.filter(pk=client.pk).values_list(Cast("words", TextField()))
    written = words.get()
    client.index()
    client.save(update_fields=INDEXED)
    assert words.get() == written, "the words are not those that the service would write"
    client.phone_number = "(212) 555-0199"
    client.index()
    client.save(update_fields=["phone_number", *INDEXED])
    submission = client.submissions.order_by("pk")[0]
    webhook = agent.agency.webhook_subscriptions.order_by("pk")[0]
    path = {
        "agency_id": agent.agency_id,
        "agent_id": agent.pk,
        "client_uuid": client.pk,
        "submission_uuid": submission.pk,
        "declaration_page_uuid": submission.declaration_pages.order_by("pk")[0].pk,
        "webhook_uuid": webhook.pk,
        "delivery_uuid": webhook.deliveries.order_by("pk")[0].pk,
    }
    return {"token": token, "label": f"agent:{pk}", "email": agent.email, "client": client.email, "path": path}


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
