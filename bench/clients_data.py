"""`python -m bench.clients_data DATABASE AGENTS EACH`: a database with so many agents, and so many clients of each.

Written by PostgreSQL itself, as a million rows would take Python many minutes; that the words of a row are those that
the service would write is checked on one of them. The agents and their tokens go into the file SEATS, and how
PostgreSQL answers a search is printed.
"""

import os
import sys
from pathlib import Path

import django
import psycopg
from django.core.management import call_command

from bench.clients_list import FOUND

LOAD = """
    INSERT INTO clients_client (
        id, agent_id, first_name, last_name, email, phone_number, sales_funnel_status, created_at, updated_at,
        sort_name, words
    )
    SELECT
        uuidv7(), agent.id, 'Ann', last, last || n || '@bench.example', '', 'new', now(), now(),
        lower(last) || ' ann',
        array_to_tsvector(ARRAY[
            agent.id || 'nann', agent.id || 'n' || lower(last), agent.id || 'aann', agent.id || 'a' || lower(last),
            agent.id || 'a' || lower(last) || n, agent.id || 'abench', agent.id || 'aexample',
            agent.id || 'e' || lower(last) || n || '@bench.example'
        ])
    FROM agents_agent agent,
         generate_series(1, %(each)s) n,
         LATERAL (SELECT 'Last' || n %% %(names)s || 'x' AS last) named
"""


def main(database: str, agents: int, each: int) -> None:
    admin = os.environ["DATABASE_URL"].replace(f"/{database}?", "/postgres?")
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {database}")
    django.setup()
    call_command("migrate", verbosity=0)
    seats = _make_agents(agents)
    _make_clients(each, each // FOUND)
    _check()
    Path(os.environ["SEATS"]).write_text("\n".join(f"{agent} {token}" for agent, token in seats))
    if agents * each < 1_000_000:
        return
    print(f"\nHow PostgreSQL answers a search among {agents * each:,} clients, {each:,} of them the agent's:")
    print(_plan(*seats[-1]))


def _make_agents(count: int) -> list[tuple[int, str]]:
    """Agents of one agency, and the token of each."""
    from agencies.models import Agency
    from agents.models import Agent, AgentToken
    from api import credentials

    agency = Agency.objects.create(name="Bench")
    agents = Agent.objects.bulk_create(
        Agent(agency=agency, first_name="A", last_name="B", email=f"a{n}@bench.example", slug=f"a-b-{n}")
        for n in range(count)
    )
    tokens = [credentials.generate(credentials.AGENT_TOKEN) for _ in agents]
    AgentToken.objects.bulk_create(
        AgentToken(agent=agent, digest=credentials.digest(token)) for agent, token in zip(agents, tokens, strict=True)
    )
    return [(agent.pk, token) for agent, token in zip(agents, tokens, strict=True)]


def _make_clients(each: int, names: int) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute("SET maintenance_work_mem = '512MB'")
        cursor.execute("DROP INDEX client_by_words")  # made anew at the end, which is many times faster
        cursor.execute(LOAD, {"each": each, "names": names})
        cursor.execute("CREATE INDEX client_by_words ON clients_client USING gin (words) WITH (fastupdate = off)")
        cursor.execute("VACUUM ANALYZE")


def _check() -> None:
    from django.db.models import TextField
    from django.db.models.functions import Cast

    from clients.models import Client

    client = Client.objects.order_by("pk")[0]
    words = Client.objects.filter(pk=client.pk).values_list(Cast("words", TextField()))
    written = words.get()
    client.index()
    client.save()
    assert words.get() == written


def _plan(agent: int, token: str) -> str:
    """Of the very statement that a search over HTTP sends."""
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as captured:
        answer = Client(SERVER_NAME="127.0.0.1", headers={"Authorization": f"Bearer {token}"}).get(
            f"/v1/agents/{agent}/clients?search=last1x"
        )
    assert answer.json()["meta"]["total"] == FOUND, answer.content
    [statement] = [one["sql"] for one in captured if "MATERIALIZED" in one["sql"]]
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, BUFFERS OFF, SUMMARY OFF) {statement}")
        return "\n".join(f"  {line}" for (line,) in cursor.fetchall())


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
