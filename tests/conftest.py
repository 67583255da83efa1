"""Who calls, made by the services that make them in the wild: over HTTP, each of thousands would take twice as long."""

import json as jsonlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import hypothesis
import pytest
from django.core.cache import cache
from django.db import connection
from django.http import HttpResponse
from django.test import TransactionTestCase
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart
from django_ratelimit import core as ratelimit

from agencies.models import Agency
from agencies.services import create_agency
from agents.services import Created, create_agent
from api import doorbell, ratelimits
from api.principals import Administrator, Partner
from api.tenancy import acting_for
from oauth_clients.models import OAuthClient
from oauth_clients.services import create_client
from tests.threads import another_connection
from tests.web import WebClient

hypothesis.settings.register_profile(
    "tests",
    deadline=None,
    max_examples=50,
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture],
)
hypothesis.settings.load_profile("tests")

COMMAND_LINE = Administrator(user_id=None)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """What each drill came to. (Here, since of several processes that of the summary reads no other conftest.py.)"""
    for report in [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]:
        for name, value in report.user_properties:
            if name == "came to":
                terminalreporter.write_line(value)


EMPTY = """
    DO $$ DECLARE tables text[] := ARRAY(
        SELECT oid::regclass::text FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
        AND relname NOT IN ('django_migrations', 'django_content_type', 'auth_permission')
    ); name text;
    BEGIN
        EXECUTE 'LOCK TABLE ' || array_to_string(tables, ', ') || ' IN EXCLUSIVE MODE';
        SET LOCAL session_replication_role = replica;
        FOREACH name IN ARRAY tables LOOP
            IF pg_relation_size(name) > 0 THEN EXECUTE 'DELETE FROM ' || name; END IF;
        END LOOP;
    END $$
"""
"""Waits for whoever still writes, and then deletes every row but those that only migrations make. No trigger counts
or refuses anything meanwhile."""


def empty_tables(_: TransactionTestCase | None = None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(EMPTY)


NEW_FILES = """
    DO $$ DECLARE name text; has_rows boolean; empty text[] := '{}';
    BEGIN
        FOR name IN
            SELECT oid::regclass FROM pg_class
            WHERE relkind IN ('r', 'p') AND NOT relispartition AND relnamespace = 'public'::regnamespace
        LOOP
            EXECUTE 'SELECT EXISTS (SELECT FROM ' || name || ')' INTO has_rows;
            IF NOT has_rows THEN empty := empty || name; END IF;
        END LOOP;
        EXECUTE 'TRUNCATE ' || array_to_string(empty, ', ');
    END $$
"""


@pytest.fixture
def new_files(django_db_setup: None) -> None:
    """For tests of how PostgreSQL finds rows: its plans go by the size of tables and indexes, which is also that of all
    rows that other tests rolled back or deleted. (Waits for whoever holds a table.)"""
    with another_connection() as beside:
        beside.execute(NEW_FILES)


# After a test that commits. Django would truncate every table, which makes new files for each of them and its indexes
# and takes a hundred times as long as deleting the few rows there are.
TransactionTestCase._fixture_teardown = empty_tables


class Api:
    """Calls as a program makes them: no cookies, and what goes wrong comes back as an answer.

    `json` and `form` (multipart) make the body; other keywords are headers (`idempotency_key=…`).
    """

    _client = WebClient(raise_request_exception=False, enforce_csrf_checks=True)

    def get(self, path: str, **facts: Any) -> HttpResponse:
        return self.call("GET", path, **facts)

    def head(self, path: str, **facts: Any) -> HttpResponse:
        return self.call("HEAD", path, **facts)

    def post(self, path: str, **facts: Any) -> HttpResponse:
        return self.call("POST", path, **facts)

    def patch(self, path: str, **facts: Any) -> HttpResponse:
        return self.call("PATCH", path, **facts)

    def delete(self, path: str, **facts: Any) -> HttpResponse:
        return self.call("DELETE", path, **facts)

    def call(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        json: Any = None,
        form: dict[str, Any] | None = None,
        body: bytes = b"",
        content_type: str = "application/json",
        address: str = "127.0.0.1",
        **headers: str,
    ) -> HttpResponse:
        if form is not None:
            body, content_type = encode_multipart(BOUNDARY, form), MULTIPART_CONTENT
        elif json is not None:
            body = jsonlib.dumps(json).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if token is not None:
            named["Authorization"] = f"Bearer {token}"
        self._client.cookies.clear()
        return self._client.generic(method, path, body, content_type, headers=named, REMOTE_ADDR=address)


@dataclass(frozen=True)
class PartnerSeat:
    """A partner platform that holds an access token."""

    row: OAuthClient
    secret: str
    token: str


@dataclass(frozen=True)
class AgentSeat:
    """An agent that holds a personal access token."""

    id: int
    email: str
    slug: str
    token: str


@dataclass(frozen=True)
class AgencySeat:
    """An agency, with its owner."""

    id: int
    name: str
    owner: AgentSeat

    @property
    def path(self) -> str:
        return f"/v1/agencies/{self.id}"


def partner_seat(api: Api, name: str, *, rate_limit: int | None = None) -> PartnerSeat:
    row, secret = create_client(name=name, actor=COMMAND_LINE, rate_limit_per_minute=rate_limit)
    grant = {"grant_type": "client_credentials", "client_id": row.client_id, "client_secret": secret}
    answer = api.post("/oauth/token", json=grant)
    assert answer.status_code == 200, answer.content
    return PartnerSeat(row, secret, answer.json()["access_token"])


def new_agency(partner: PartnerSeat, name: str, **changes: str) -> AgencySeat:
    owner = {"first_name": "Olive", "last_name": "Owner", "email": "owner@example.com"}
    with _calling(partner) as actor:
        made = create_agency(actor=actor, values={"agency_name": name, "referral": "", **owner, **changes})
    return AgencySeat(made.agent.agency_id, name, _seat(made))


def new_agent(partner: PartnerSeat, agency: AgencySeat, email: str, **changes: Any) -> AgentSeat:
    values = {"first_name": "Ann", "last_name": "Agent", "email": email, **changes}
    with _calling(partner) as actor:
        reached = Agency.objects.visible_to(actor).get(pk=agency.id)
        return _seat(create_agent(agency=reached, actor=actor, values=values))


@contextmanager
def _calling(partner: PartnerSeat) -> Iterator[Partner]:
    """As the API calls the services for this partner, in the same role of the database."""
    principal = Partner(client_pk=partner.row.pk, client_id=partner.row.client_id, token_pk=0)
    with acting_for(principal):
        yield principal


def _seat(made: Created) -> AgentSeat:
    return AgentSeat(made.agent.pk, made.agent.email, made.agent.slug, made.access_token)


@pytest.fixture(autouse=True)
def _fresh_counters(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that what one test sends does not count in another, no window ends in the middle of a test, and the store or
    the broker that was away in one is asked in the next."""
    cache.clear()
    for module in (doorbell, ratelimits):
        monkeypatch.setattr(module, "_pause_until", 0.0)
    now = time.time()
    monkeypatch.setattr(ratelimit, "time", SimpleNamespace(time=lambda: now))


@pytest.fixture(autouse=True)
def stored_files(tmp_path: Path, settings: Any) -> Path:
    """Where files go: a folder for each kind."""
    places = {"pictures": tmp_path / "pictures", "declaration_pages": tmp_path / "declaration-pages"}
    settings.STORAGES = {
        name: {**kept, "OPTIONS": {**kept["OPTIONS"], "location": places[name]}} if name in places else kept
        for name, kept in settings.STORAGES.items()
    }
    return tmp_path


@pytest.fixture
def pictures_dir(stored_files: Path) -> Path:
    return stored_files / "pictures"


@pytest.fixture
def declaration_pages_dir(stored_files: Path) -> Path:
    return stored_files / "declaration-pages"


@pytest.fixture
def logged(request: pytest.FixtureRequest) -> Callable[[], str]:
    """Gives what was logged since it was last called. (Loggers write to where standard error was when the settings
    were read: past `capfd`, into pytest's capture of the whole run.)"""
    capture = request.config.pluginmanager.getplugin("capturemanager")
    assert capture.is_globally_capturing(), "run without -s"

    def read() -> str:
        out, err = capture.read_global_capture()
        return out + err

    read()
    return read


@pytest.fixture
def api() -> Api:
    return Api()


@pytest.fixture
def partner(db: None, api: Api) -> PartnerSeat:
    return partner_seat(api, "Partner")


@pytest.fixture
def foreign_partner(db: None, api: Api) -> PartnerSeat:
    return partner_seat(api, "Foreign partner")


@pytest.fixture
def agency(partner: PartnerSeat) -> AgencySeat:
    return new_agency(partner, "Harbour Insurance")


@pytest.fixture
def foreign_agency(foreign_partner: PartnerSeat) -> AgencySeat:
    return new_agency(foreign_partner, "Foreign Insurance", email="owner@foreign.example")


@pytest.fixture
def agent(partner: PartnerSeat, agency: AgencySeat) -> AgentSeat:
    """Neither owner nor admin."""
    return new_agent(partner, agency, "ann@example.com")


@pytest.fixture
def colleague(partner: PartnerSeat, agency: AgencySeat) -> AgentSeat:
    """Another one, neither owner nor admin."""
    return new_agent(partner, agency, "carl@example.com", first_name="Carl")


@pytest.fixture
def admin_agent(partner: PartnerSeat, agency: AgencySeat) -> AgentSeat:
    """An admin who is not the owner."""
    return new_agent(partner, agency, "ada@example.com", first_name="Ada", is_admin=True)


@pytest.fixture
def foreign_agent(foreign_partner: PartnerSeat, foreign_agency: AgencySeat) -> AgentSeat:
    """An admin in its own agency, so that nothing but the tenant stands between it and ours."""
    return new_agent(foreign_partner, foreign_agency, "fay@foreign.example", first_name="Fay", is_admin=True)


@pytest.fixture
def deactivated_agent(api: Api, partner: PartnerSeat, agency: AgencySeat) -> AgentSeat:
    gone = new_agent(partner, agency, "dan@example.com", first_name="Dan")
    assert api.delete(f"/v1/agents/{gone.id}", token=partner.token).status_code == 204
    return gone
