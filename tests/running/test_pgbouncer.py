"""Behind PgBouncer, set up by the runbook's lines: tenants that share a connection see nothing of each other.

By hand, where `pgbouncer` 1.21 or later is on the PATH: Debian 12's is too old, and .ci/run does not build one.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests

from api import roles
from config import embedded
from config.run import CELERY_WORKER
from tests.webhooks.scripted import receiving

from .conftest import DATABASE, OWNER, ROOT, Serve, Server, Site, Start, free_port, wait_for

pytestmark = [
    pytest.mark.drill,
    pytest.mark.skipif(not shutil.which("pgbouncer"), reason="needs PgBouncer 1.21 or later"),
]
SECTION = (ROOT / "docs/runbook.md").read_text().partition("**Beyond some hundreds, PgBouncer**")[2]
[SETTINGS] = re.findall(r"```ini\n(.*?)```", SECTION, re.DOTALL)
LIMITS = re.findall(r"```sql\n(.*?)```", SECTION, re.DOTALL)[0]
AT_ONCE, ROUNDS = 8, 200
PERSON = {"first_name": "Ann", "last_name": "Reed", "email": "ann@home.example"}
PLENTY = {f"RATE_LIMIT_{name}": "1000000/m" for name in ("CREDENTIAL", "TOKEN", "ADDRESS")}
NOBODY_SEES = """
    SELECT current_user, coalesce(current_setting('tenancy.partner', true), ''),
        coalesce(current_setting('tenancy.agency', true), ''), (SELECT count(*) FROM agents_agent),
        current_setting('statement_timeout')
"""
WORKER = [*CELERY_WORKER, "--queues", "webhooks", "--concurrency", "1"]
TRIAL = {"SECRET_KEY": "s" * 60, "ALLOW_INSECURE_HTTP": "true", "WEBHOOKS_ALLOW_PRIVATE_ADDRESSES": "true"}


@dataclass
class Tenant:
    """A partner, and the owner of its one agency."""

    server: Server
    partner: str
    agency: int
    agent: int
    token: str
    clients: set[str]

    def get(self, path: str, token: str) -> requests.Response:
        return self.server.get(path, Authorization=f"Bearer {token}")

    def found(self, path: str, token: str, key: str) -> list[Any]:
        answer = self.get(path, token)
        assert answer.status_code == 200, answer.text
        return [one[key] for one in answer.json()["data"]]

    def send(self, method: str, path: str, body: dict[str, Any]) -> Any:
        headers = {"Authorization": f"Bearer {self.token}"}
        answer = requests.request(method, f"{self.server.url}{path}", json=body, headers=headers, timeout=30)
        assert answer.status_code < 300, answer.text
        return answer.json()["data"]

    def new_client(self) -> str:
        return self.send("POST", "/v1/client", PERSON)["uuid"]

    def sees_its_own(self, other: "Tenant") -> None:
        assert self.found("/v1/agencies", self.partner, "id") == [self.agency]
        assert self.found("/v1/agents", self.partner, "id") == [self.agent]
        assert set(self.found(f"/v1/agents/{self.agent}/clients", self.token, "uuid")) == self.clients
        for path in (f"/v1/agencies/{other.agency}", f"/v1/agents/{other.agent}/clients"):
            assert self.get(path, self.token).status_code in {403, 404}


@pytest.fixture
def pooled(site: Site, tmp_path: Path) -> Iterator[Callable[..., str]]:
    """Starts PgBouncer, in this mode and with so many connections a login. Gives the API's way to it."""
    program = str(shutil.which("pgbouncer"))
    site.migrate()
    for role in (roles.API, roles.WORKER):
        site.asked(OWNER, f"ALTER ROLE {role} LOGIN", *LIMITS.replace(roles.API, role).split(";\n")[:-1])
    port, user = free_port(), embedded.UNPRIVILEGED_USER if os.geteuid() == 0 else None
    started: list[subprocess.Popen[bytes]] = []

    def start(connections: int, mode: str) -> str:
        (tmp_path / "users").write_text(f'"{roles.API}" ""\n"{roles.WORKER}" ""\n')
        (tmp_path / "pgbouncer.ini").write_text(
            f"[databases]\n{DATABASE} = host={site.services.postgres.sockets}\n[pgbouncer]\n{SETTINGS}"
            f"pool_mode = {mode}\ndefault_pool_size = {connections}\nauth_type = trust\nauth_file = {tmp_path}/users\n"
            f"listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
        )
        with (tmp_path / "pgbouncer.log").open("w") as log:
            started.append(subprocess.Popen([program, tmp_path / "pgbouncer.ini"], user=user, stdout=log, stderr=log))
        url = f"postgresql://{roles.API}@127.0.0.1:{port}/{DATABASE}"
        wait_for(lambda: answers(url))
        return url

    yield start
    for process in started:
        process.kill()
        process.wait(10)


def answers(url: str) -> bool:
    try:
        psycopg.connect(url).close()
    except psycopg.OperationalError:
        return False
    return True


def new_tenant(site: Site, server: Server, name: str) -> Tenant:
    made = site.finish("manage.py", "create_oauth_client", name)
    client_id, secret = re.findall(r"client_(?:id|secret)\W+(\S+)", made)
    grant = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}
    token = requests.post(f"{server.url}/oauth/token", data=grant, timeout=30).json()["access_token"]
    body, headers = {"agency_name": name, **PERSON}, {"Authorization": f"Bearer {token}"}
    founded = requests.post(f"{server.url}/v1/agencies", json=body, headers=headers, timeout=30).json()["data"]
    agent = founded["agent"]
    tenant = Tenant(server, token, founded["agency"]["id"], agent["id"], agent["access_token"], set())
    tenant.clients = {tenant.new_client() for _ in range(3)}
    return tenant


@pytest.mark.parametrize(
    ("mode", "connections", "kept"), [("transaction", 1, "600"), ("transaction", 3, "600"), ("session", 2, "0")]
)
def test_tenants_who_share_connections_see_their_own(
    mode: str, connections: int, kept: str, site: Site, serve: Serve, pooled: Callable[..., str]
) -> None:
    url = pooled(connections, mode)
    settings = {**PLENTY, "WEB_CONCURRENCY": "2", "WEB_THREADS": str(AT_ONCE), "DATABASE_CONN_MAX_AGE": kept}
    server = serve(url, site.services.redis_url, **settings)
    one, other = new_tenant(site, server, "One"), new_tenant(site, server, "Other")

    def turn(number: int) -> None:
        if number % 3 == 2:
            with psycopg.connect(url, autocommit=True) as nobody:
                assert nobody.execute(NOBODY_SEES).fetchone() == (roles.API, "", "", 0, "15s")
        elif number % 3:
            one.sees_its_own(other)
        else:
            other.sees_its_own(one)

    with ThreadPoolExecutor(AT_ONCE) as crowd:
        list(crowd.map(turn, range(ROUNDS)))
    logins = site.administer("SELECT count(*) FROM pg_stat_activity WHERE usename = 'agency_api'")
    assert logins == [(connections,)]


def test_webhooks_are_delivered_by_a_worker_behind_it(
    site: Site, serve: Serve, start: Start, pooled: Callable[..., str], tmp_path: Path
) -> None:
    """Which has three connections, and here they are one."""
    url = pooled(1, "transaction")
    tenant = new_tenant(site, serve(url, site.services.redis_url, **TRIAL), "One")
    facts = {"DATABASE_URL": url.replace(roles.API, roles.WORKER), "REDIS_URL": site.services.redis_url, **TRIAL}
    start("-m", *WORKER, output=tmp_path / "worker", DATA_DIR=str(tmp_path), **facts)
    wait_for(lambda: "ready." in (tmp_path / "worker").read_text(), 60)
    with receiving() as receiver:
        tenant.send("POST", "/v1/webhooks", {"url": receiver.url("/crm"), "events": ["*"]})
        for number in range(1, 21):
            path = f"/v1/agents/{tenant.agent}/clients/{min(tenant.clients)}"
            tenant.send("PATCH", path, {"first_name": f"Ann {number}"})
            wait_for(lambda number=number: len(receiver.hits) == number)
        wait_for(lambda: site.administer("SELECT id FROM webhooks_delivery WHERE state <> 'delivered'") == [])
