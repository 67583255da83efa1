"""Who may call what: every endpoint, every kind of caller, the status each gets (contract §1, §4 to §7)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction
from django.urls import resolve

from api.operations import Caller
from tests.clients.conftest import new_client, new_page, new_submission, upload
from tests.conftest import AgentSeat, Api, new_agency, new_agent, partner_seat
from tests.endpoints import Endpoint, endpoints, views
from tests.webhooks.conftest import WEBHOOK, new_delivery, new_webhook

CALLERS = (
    "no token", "bad token", "partner", "foreign partner", "agent", "admin agent", "foreign agent", "deactivated agent",
)  # fmt: skip
AGENCY = {"agency_name": "New", "email": "new@example.com", "first_name": "New", "last_name": "Owner"}
AGENT = {"first_name": "New", "last_name": "Agent", "email": "new@example.com"}
TRANSFER = {"agent_id": "{agent}"}
NAME = {"first_name": "Changed"}
CLIENT = {"first_name": "New", "last_name": "Client", "email": "new@home.example"}
FILE = "a file"  # a body that is multipart, with one

# {client} is the calling agent's own, with a {submission} and its {page}; {other} is the colleague's client.
MINE = "/v1/agents/{agent}/clients/{client}"
OTHER = "/v1/agents/{colleague}/clients/{other}"
SENT = f"{MINE}/submissions/{{submission}}"
# {webhook} is the agency's, with a {delivery}.
HOOK = "/v1/webhooks/{webhook}"
DELIVERY = f"{HOOK}/deliveries/{{delivery}}"
SINCE = {"since": "2026-01-01T00:00:00Z"}

# {agent} is the calling agent itself, {colleague} another agent of its agency, {gone} a deactivated one.
# fmt: off
TABLE: list[tuple[str, str, Any, str]] = [
    # no token, bad token, partner, foreign partner, agent, admin agent, foreign agent, deactivated agent
    ("GET",    "/v1/agents",                                    None,                 "401 401 200 200 403 403 403 401"),
    ("DELETE", "/v1/agents/{colleague}",                        None,                 "401 401 204 403 403 403 403 401"),
    ("POST",   "/v1/agents/{gone}/reactivate",                  None,                 "401 401 200 403 403 403 403 401"),
    ("POST",   "/v1/agents/{colleague}/reset-access-token",     None,                 "401 401 200 403 403 403 403 401"),
    ("PATCH",  "/v1/agents/{agent}/additional-questions",       {"enabled": True},    "401 401 403 403 200 200 403 401"),
    ("PATCH",  "/v1/agents/{colleague}/additional-questions",   {"enabled": True},    "401 401 403 403 403 200 403 401"),
    ("GET",    "/v1/agencies",                                  None,                 "401 401 200 200 403 403 403 401"),
    ("POST",   "/v1/agencies",                                  AGENCY,               "401 401 201 201 403 403 403 401"),
    ("GET",    "/v1/agencies/{agency}",                         None,                 "401 401 403 403 200 200 403 401"),
    ("PATCH",  "/v1/agencies/{agency}",                         {"name": "Changed"},  "401 401 403 403 403 200 403 401"),
    ("DELETE", "/v1/agencies/{agency}",                         None,                 "401 401 204 403 403 403 403 401"),
    ("POST",   "/v1/agencies/{agency}/reactivate",              None,                 "401 401 200 403 403 403 403 401"),
    ("POST",   "/v1/agencies/{agency}/transfer-ownership",      TRANSFER,             "401 401 200 403 403 403 403 401"),
    ("GET",    "/v1/agencies/{agency}/agents",                  None,                 "401 401 403 403 200 200 403 401"),
    ("POST",   "/v1/agencies/{agency}/agents",                  AGENT,                "401 401 201 403 403 403 403 401"),
    ("POST",   "/v1/agencies/{agency}/agents/bulk",             {"agents": [AGENT]},  "401 401 200 403 403 403 403 401"),
    ("GET",    "/v1/agencies/{agency}/agents/{colleague}",      None,                 "401 401 403 403 200 200 403 401"),
    ("PATCH",  "/v1/agencies/{agency}/agents/{agent}",          NAME,                 "401 401 403 403 200 200 403 401"),
    ("PATCH",  "/v1/agencies/{agency}/agents/{colleague}",      NAME,                 "401 401 403 403 403 200 403 401"),
    ("PATCH",  "/v1/agencies/{agency}/agents/{colleague}",      {"is_admin": True},   "401 401 403 403 403 200 403 401"),
    ("PATCH",  "/v1/agencies/{agency}/agents/{agent}",          {"is_admin": True},   "401 401 403 403 403 200 403 401"),
    ("DELETE", "/v1/agencies/{agency}/agents/{colleague}",      None,                 "401 401 403 403 403 204 403 401"),
    ("POST",   "/v1/client",                                    CLIENT,               "401 401 403 403 201 201 201 401"),
    ("POST",   "/v1/client",            {**CLIENT, "agent_id": "{colleague}"},        "401 401 403 403 403 201 422 401"),
    ("GET",    "/v1/agents/{agent}/clients",                    None,                 "401 401 403 403 200 200 403 401"),
    ("GET",    "/v1/agents/{colleague}/clients",                None,                 "401 401 403 403 403 200 403 401"),
    ("GET",    MINE,                                            None,                 "401 401 403 403 200 200 403 401"),
    ("GET",    OTHER,                                           None,                 "401 401 403 403 403 200 403 401"),
    ("PATCH",  MINE,                                            NAME,                 "401 401 403 403 200 200 403 401"),
    ("PATCH",  OTHER,                                           NAME,                 "401 401 403 403 403 200 403 401"),
    ("POST",   f"{MINE}/reassign",      {"agent_id": "{colleague}"},                  "401 401 403 403 200 200 403 401"),
    ("POST",   f"{OTHER}/reassign",     TRANSFER,                                     "401 401 403 403 403 200 403 401"),
    ("POST",   f"{MINE}/destroy",                               None,                 "401 401 403 403 204 204 403 401"),
    ("POST",   f"{OTHER}/destroy",                              None,                 "401 401 403 403 403 204 403 401"),
    ("GET",    f"{MINE}/submissions",                           None,                 "401 401 403 403 200 200 403 401"),
    ("POST",   f"{MINE}/submissions",                           {},                   "401 401 403 403 201 201 403 401"),
    ("POST",   f"{OTHER}/submissions",                          {},                   "401 401 403 403 403 201 403 401"),
    ("GET",    SENT,                                            None,                 "401 401 403 403 200 200 403 401"),
    ("PATCH",  SENT,                                            {},                   "401 401 403 403 200 200 403 401"),
    ("POST",   f"{SENT}/complete",                              None,                 "401 401 403 403 200 200 403 401"),
    ("POST",   f"{SENT}/declaration-pages",                     FILE,                 "401 401 403 403 201 201 403 401"),
    ("GET",    f"{SENT}/declaration-pages/{{page}}",            None,                 "401 401 403 403 200 200 403 401"),
    ("PATCH",  f"{SENT}/declaration-pages/{{page}}",            {"carrier": "New"},   "401 401 403 403 200 200 403 401"),
    ("DELETE", f"{SENT}/declaration-pages/{{page}}",            None,                 "401 401 403 403 204 204 403 401"),
    ("GET",    f"{MINE}/submission/{{submission}}/declaration-page/{{page}}", None,   "401 401 403 403 200 200 403 401"),
    ("GET",    "/v1/additional-questions",                      None,                 "401 401 403 403 200 200 200 401"),
    ("GET",    "/v1/webhook-events",                            None,                 "401 401 403 403 200 200 200 401"),
    ("GET",    "/v1/webhooks",                                  None,                 "401 401 403 403 200 200 200 401"),
    ("POST",   "/v1/webhooks",                                  WEBHOOK,              "401 401 403 403 403 201 201 401"),
    ("GET",    HOOK,                                            None,                 "401 401 403 403 200 200 404 401"),
    ("PATCH",  HOOK,                                            {"events": ["*"]},    "401 401 403 403 403 200 404 401"),
    ("DELETE", HOOK,                                            None,                 "401 401 403 403 403 204 404 401"),
    ("POST",   f"{HOOK}/rotate-secret",                         None,                 "401 401 403 403 403 200 404 401"),
    ("POST",   f"{HOOK}/test",                                  None,                 "401 401 403 403 403 200 404 401"),
    ("POST",   f"{HOOK}/recover",                               SINCE,                "401 401 403 403 403 200 404 401"),
    ("GET",    f"{HOOK}/deliveries",                            None,                 "401 401 403 403 200 200 404 401"),
    ("GET",    DELIVERY,                                        None,                 "401 401 403 403 200 200 404 401"),
    ("POST",   f"{DELIVERY}/retry",                             None,                 "401 401 403 403 403 200 404 401"),
]
# fmt: on

KIND_OF_CALLER = {
    Caller.PARTNER: {"partner", "foreign partner"},
    Caller.AGENT: {"agent", "admin agent", "foreign agent"},
    Caller.ADMIN_AGENT: {"admin agent", "foreign agent"},  # an admin in its own agency
}
LARGEST_ID = 2**63 - 1
Ids = dict[str, Any]
IDS = ("agency", "agent", "colleague", "gone", "client", "other", "submission", "page", "webhook", "delivery")
NUMBERS = ("agency", "agent", "colleague", "gone")
UUIDS = ("client", "other", "submission", "page", "webhook", "delivery")


@dataclass(frozen=True)
class Row:
    method: str
    path: str
    body: Any
    statuses: dict[str, int]

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def endpoint(self) -> Endpoint:
        """The one this row is about."""
        match = resolve(self.filled(dict.fromkeys(IDS, 1)))
        return next(one for one in endpoints() if (one.method, one.route) == (self.method, route_of(match.route)))

    def filled(self, ids: Ids) -> str:
        return self.path.format(**ids)

    def sent(self, api: Api, ids: Ids, *, token: str | None, path: str = "", **headers: str) -> Any:
        """The answer to this row's request; of another `path` where one is given."""
        body = self.body_for(ids)
        content = {"form": {"file": upload()}} if body == FILE else {"json": body}
        return api.call(self.method, path or self.filled(ids), token=token, **content, **headers)

    def body_for(self, ids: Ids) -> Any:
        if isinstance(self.body, dict):
            return {
                name: ids[value.strip("{}")] if isinstance(value, str) and value.startswith("{") else value
                for name, value in self.body.items()
            }
        return self.body


def route_of(django_route: str) -> str:
    return "/" + re.sub(r"<\w+:(\w+)>", r"{\1}", django_route)


ROWS = [
    Row(method, path, body, dict(zip(CALLERS, map(int, statuses.split()), strict=True)))
    for method, path, body, statuses in TABLE
]


@dataclass(frozen=True)
class World:
    """One of each caller, and what they act on."""

    ids: Ids
    foreign: Ids
    tokens: dict[str, str | None]


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any) -> Iterator[World]:
    """Made once: each test's changes are rolled back to it, and it itself in the end."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield make_world(Api())
        transaction.set_rollback(True)


def make_world(api: Api) -> World:
    partner, foreign_partner = partner_seat(api, "Partner"), partner_seat(api, "Foreign partner")
    agency = new_agency(partner, "Ours")
    foreign_agency = new_agency(foreign_partner, "Theirs")
    agent, colleague, gone = (new_agent(partner, agency, f"{n}@example.com") for n in range(3))
    admin = new_agent(partner, agency, "admin@example.com", is_admin=True)
    # An admin in its own agency, so that nothing but the tenant stands between it and ours.
    foreign_agent = new_agent(foreign_partner, foreign_agency, "admin@example.com", is_admin=True)
    assert api.delete(f"/v1/agents/{gone.id}", token=partner.token).status_code == 204
    other = new_client(api, colleague)
    seats = (partner, foreign_partner, agent, admin, foreign_agent, gone)
    tokens = (None, f"{partner.token[:-1]}-", *(seat.token for seat in seats))
    return World(
        ids={
            "agency": agency.id,
            "agent": agent.id,
            "colleague": colleague.id,
            "gone": gone.id,
            "other": other.uuid,
            **sent_in(api, agent),
            **listening(api, admin),
        },
        foreign={
            "agency": foreign_agency.id,
            **dict.fromkeys(("agent", "colleague", "gone"), foreign_agent.id),
            **(theirs := sent_in(api, foreign_agent)),
            "other": theirs["client"],
            **listening(api, foreign_agent),
        },
        tokens=dict(zip(CALLERS, tokens, strict=True)),
    )


def sent_in(api: Api, agent: AgentSeat) -> dict[str, str]:
    """A client of this agent's, with a submission and its declaration page."""
    client = new_client(api, agent)
    submission = new_submission(api, client)
    return {"client": client.uuid, "submission": submission.uuid, "page": new_page(api, submission).uuid}


def listening(api: Api, admin: AgentSeat) -> dict[str, str]:
    """A webhook of this admin's agency, with a delivery."""
    webhook = new_webhook(api, admin)
    return {"webhook": webhook.uuid, "delivery": new_delivery(api, webhook).uuid}


# --- the matrix -------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("row", ROWS, ids=str)
def test_each_caller_gets_its_status(api: Api, world: World, row: Row) -> None:
    statuses = {}
    for caller, token in world.tokens.items():
        with transaction.atomic():
            answer = row.sent(api, world.ids, token=token)
            transaction.set_rollback(True)
        statuses[caller] = answer.status_code
        assert_is_well_formed(answer)
    assert statuses == row.statuses


def assert_is_well_formed(answer: Any) -> None:
    """What every answer under /v1/ has, whatever its status."""
    assert answer.headers["X-Request-Id"]
    for name in ("Limit", "Remaining", "Reset"):
        assert answer.headers[f"X-RateLimit-{name}"].isdigit()
    assert answer.headers.get("WWW-Authenticate") == ("Bearer" if answer.status_code == 401 else None)
    if answer.status_code == 204:
        assert answer.content == b""
    else:
        assert answer.headers["Content-Type"] == "application/json"
        assert next(iter(answer.json())) == ("data" if answer.status_code < 300 else "error")


# --- the table itself -------------------------------------------------------------------------------


def test_every_endpoint_has_a_row() -> None:
    listed = {(row.endpoint.method, row.endpoint.route) for row in ROWS}
    assert {(one.method, one.route) for one in endpoints()} == listed


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_row_agrees_with_what_the_endpoint_declares(row: Row) -> None:
    operation = row.endpoint.operation
    served = {caller for caller, status in row.statuses.items() if status < 300}
    assert served, "a row that nobody may call"
    assert served <= KIND_OF_CALLER[operation.caller]
    assert {row.statuses[caller] for caller in served} == {operation.status}


# --- ids that are not the caller's ------------------------------------------------------------------

WITH_ID = [row for row in ROWS if any(f"{{{name}}}" in row.path for name in NUMBERS)]
WITH_UUID = [row for row in ROWS if any(f"{{{name}}}" in row.path for name in UUIDS)]


@pytest.mark.django_db
@pytest.mark.parametrize("row", WITH_ID, ids=str)
def test_foreign_and_absent_ids_are_told_apart_by_nobody(api: Api, world: World, row: Row) -> None:
    token = world.tokens["partner" if row.statuses["partner"] < 300 else "admin agent"]
    absent = [{**world.ids, **dict.fromkeys(NUMBERS, number)} for number in (0, 987654321, LARGEST_ID, 10**30)]
    candidates = [world.foreign, *absent]
    if row.path.startswith("/v1/agencies/") and row.path.count("{") == 2:  # ours within theirs, theirs within ours
        candidates.append({**world.ids, "agency": world.foreign["agency"]})
        candidates.append({**world.foreign, "agency": world.ids["agency"]})
    answers = [row.sent(api, world.ids, token=token, path=row.filled(ids), x_request_id="same") for ids in candidates]
    assert {answer.status_code for answer in answers} == {403}
    assert len({answer.content for answer in answers}) == 1


@pytest.mark.django_db
@pytest.mark.parametrize("caller", ["agent", "admin agent"])
@pytest.mark.parametrize("row", WITH_UUID, ids=str)
def test_nor_are_uuids(api: Api, world: World, row: Row, caller: str) -> None:
    """Each part of the path in turn, and all of them: another tenant's, nobody's, and one of another kind of ours."""
    if row.statuses[caller] == 403:
        pytest.skip("refused before it is looked for")
    named = [name for name in UUIDS if f"{{{name}}}" in row.path]
    nobodys = str(uuid4())
    wrong = [
        {name: found}
        for name in named
        for found in (world.foreign[name], nobodys, world.ids["submission" if name != "submission" else "page"])
    ]
    wrong += [{name: world.foreign[name] for name in named}, dict.fromkeys(named, nobodys)]
    answers = [
        row.sent(api, world.ids, token=world.tokens[caller], path=row.filled({**world.ids, **one}), x_request_id="same")
        for one in wrong
    ]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1


@pytest.mark.django_db
@pytest.mark.parametrize("row", WITH_UUID, ids=str)
def test_what_is_no_uuid_is_400(api: Api, world: World, row: Row) -> None:
    last = [name for name in UUIDS if f"{{{name}}}" in row.path][-1]
    for text in ("1", "x" * 500, "%00", "{}", "019ab3f07c1e7d2a9f403b1c5d7e9a02", "\u0661" * 36):
        path = row.filled({**world.ids, last: text})
        answer = row.sent(api, world.ids, token=world.tokens["admin agent"], path=path)
        assert (text, answer.status_code, answer.json()["error"]["code"]) == (text, 400, "malformed")


# --- methods ----------------------------------------------------------------------------------------

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW")
DECLARED = [(route, set(view.operations)) for route, view in views()]


@pytest.mark.django_db
@pytest.mark.parametrize(("route", "declared"), DECLARED, ids=[route for route, _ in DECLARED])
def test_other_methods_get_405(api: Api, world: World, route: str, declared: set[str]) -> None:
    served = declared | {"HEAD"} if "GET" in declared else declared
    for method in (method for method in METHODS if method not in served):
        answer = api.call(method, re.sub(r"{\w+}", "1", route), token=world.tokens["partner"])
        assert (method, answer.status_code) == (method, 405)
        assert set(answer.headers["Allow"].split(", ")) - {"HEAD"} == declared
        if method != "HEAD":
            assert answer.json()["error"]["code"] == "method_not_allowed"
            assert_is_well_formed(answer)
