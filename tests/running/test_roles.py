"""Set up as README says, Deploying: an owner who is no superuser, and processes that own nothing."""

import re
from typing import Any

import psycopg
import pytest
import requests

from api.roles import ADMIN, API, WORKER

from .conftest import OWNER, Serve, Server, Site, finish

UPKEEP = """
import django
django.setup()
from administration.tasks import clear_expired_sessions
from webhooks import tasks
tasks.tidy()
tasks.watch()
clear_expired_sessions()
"""


FIRST = f"ALTER ROLE {API} LOGIN", f"ALTER ROLE {WORKER} LOGIN"
SECOND = f"CREATE ROLE {API}_b LOGIN NOINHERIT IN ROLE {API}", f"CREATE ROLE {WORKER}_b LOGIN IN ROLE {WORKER}"
"""While passwords are replaced (docs/runbook.md)."""


@pytest.mark.drill
def test_each_process_in_its_role_whichever_its_login_and_all_is_undone_and_done_again(
    site: Site, serve: Serve
) -> None:
    """One after the other on one database, for making its tables takes longer than either."""
    site.migrate()
    for logins, api, worker in ((FIRST, API, WORKER), (SECOND, f"{API}_b", f"{WORKER}_b")):
        site.asked(OWNER, *logins)
        each_process_in_its_role(site, serve, api, worker)
    back_and_forth(site)


def each_process_in_its_role(site: Site, serve: Serve, api: str, worker: str) -> None:
    before = agents(site)
    server = serve(site.url_of(api), site.services.redis_url)
    made = site.finish("manage.py", "create_oauth_client", "Partner")
    client_id, secret = re.findall(r"client_(?:id|secret)\W+(\S+)", made)

    assert server.get("/readyz").json()["checks"]["migrations"] == "ok"
    assert server.get("/admin/login/").status_code == 200
    grant = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}
    token = requests.post(f"{server.url}/oauth/token", data=grant, timeout=10).json()["access_token"]
    owner = {"first_name": "Olive", "last_name": "Owner", "email": "olive@example.com"}
    agent = sent(server, "/v1/agencies", token, {"agency_name": "Harbour", **owner})["agent"]
    ann = {"first_name": "Ann", "last_name": "Reed", "email": "ann@home.example"}
    sent(server, "/v1/client", agent["access_token"], ann, **{"Idempotency-Key": "once"})
    hook = {"url": "https://hooks.example.com/", "events": ["*"]}
    sent(server, "/v1/webhooks", agent["access_token"], hook)
    assert server.get(f"/{agent['slug']}").status_code == 200
    listed = server.get("/v1/agents", authorization=f"Bearer {token}").json()
    assert [one["slug"] for one in listed["data"]] == [agent["slug"]]

    there = site.asked(OWNER, "SELECT DISTINCT usename FROM pg_stat_activity WHERE datname = current_database()")
    assert {name for (name,) in there} == {OWNER, api}
    assert site.asked(api, f"SET ROLE {API}", "SELECT count(*) FROM agents_agent") == [(0,)]
    assert site.asked(OWNER, f"SET ROLE {API}", "SELECT count(*) FROM agents_agent") == [(0,)]  # one login for all
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        site.asked(api, "SELECT count(*) FROM auth_user")
    for command in ("recount", "reseal_webhook_secrets"):
        assert f"{api} is shown no tenant's rows" in refused(site, command, role=api)
        site.finish("manage.py", command, role=worker)
        site.finish("manage.py", command)
    assert agents(site) == before + 1
    site.finish("-c", UPKEEP, role=worker)
    server.process.terminate()
    server.process.wait(60)


def refused(site: Site, command: str, *, role: str) -> str:
    """What is said of a command that is not for this login."""
    values = {"DATABASE_URL": site.url_of(role), "REDIS_URL": site.services.redis_url, "SECRET_KEY": "s" * 60}
    ended = finish("manage.py", command, **values)
    assert ended.returncode != 0, ended.stdout
    return ended.stderr


def agents(site: Site) -> int:
    [(count,)] = site.asked(OWNER, "SELECT count(*) FROM agents_agent")
    return count


def sent(server: Server, path: str, token: str, body: dict[str, Any], **headers: str) -> Any:
    named = {"Authorization": f"Bearer {token}", **headers}
    answer = requests.post(f"{server.url}{path}", json=body, headers=named, timeout=10)
    assert answer.status_code == 201, answer.text
    return answer.json()["data"]


LEFT = """
    SELECT (SELECT count(*) FROM pg_policies), (SELECT count(*) FROM pg_class WHERE relrowsecurity),
        (SELECT count(*) FROM pg_proc WHERE prosecdef),
        (SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relacl::text LIKE '%agency_api%')
"""


def back_and_forth(site: Site) -> None:
    """Undone, nothing of it is left but the roles, which other databases may use; done again, all of it is there."""
    before = site.asked(OWNER, LEFT)
    site.migrate("api", "0001")
    assert site.asked(OWNER, LEFT) == [(0, 0, 0, 0)]
    assert {(API,), (ADMIN,), (WORKER,)} <= set(site.asked(OWNER, "SELECT rolname FROM pg_roles"))
    site.migrate()
    assert site.asked(OWNER, LEFT) == before
