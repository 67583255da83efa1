"""Clients: created, shown, changed, given to a colleague, destroyed (contract §6)."""

import json
import re
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from api import batches
from api.ids import new_id
from audit.models import AuditEntry
from clients.models import Client, DeclarationPage, Submission
from tests.answers import code, data, faults
from tests.clients.conftest import JOE, ClientSeat, PageSeat, new_client
from tests.conftest import AgencySeat, AgentSeat, Api, PartnerSeat
from tests.described import assert_as_described

NAMES = [
    "José Ñandú", "王小明", "Владимир", "محمد عبد الله", "O’Brien-Smith", "ß", "𝔉𝔯𝔞𝔨𝔱𝔲𝔯", "a' & | ! :* \\", "<script>",
    "ﷺ" * 30,
]  # fmt: skip


def shown(api: Api, client: ClientSeat) -> dict[str, Any]:
    return data(api.get(client.path, token=client.agent.token))


# --- created ----------------------------------------------------------------------------------------


def test_a_client_is_its_creators(api: Api, agent: AgentSeat) -> None:
    answer = api.post("/v1/client", token=agent.token, json={**JOE, "sales_funnel_status": "contacted"})
    assert answer.status_code == 201
    assert_as_described(answer, "createClient")
    made = data(answer)
    assert {name: made[name] for name in JOE} == JOE
    assert made["sales_funnel_status"] == "contacted"
    assert made["agent"] == {"id": agent.id, "first_name": "Ann", "last_name": "Agent", "slug": agent.slug}
    assert made["created_at"].endswith("Z")
    assert answer.headers["Location"] == f"/v1/agents/{agent.id}/clients/{made['uuid']}"
    assert data(api.get(answer.headers["Location"], token=agent.token)) == made


def test_an_admin_creates_a_colleagues_client(api: Api, admin_agent: AgentSeat, agent: AgentSeat) -> None:
    made = data(api.post("/v1/client", token=admin_agent.token, json={**JOE, "agent_id": agent.id}))
    assert made["agent"]["id"] == agent.id
    assert api.get(f"/v1/agents/{agent.id}/clients/{made['uuid']}", token=agent.token).status_code == 200


@pytest.mark.parametrize("contact", [{"email": "joe@home.example"}, {"phone_number": "212-555-0123"}])
def test_an_address_or_a_number_is_enough(api: Api, agent: AgentSeat, contact: dict[str, str]) -> None:
    made = data(api.post("/v1/client", token=agent.token, json={"first_name": "Joe", "last_name": "C", **contact}))
    assert {"email": "", "phone_number": "", **contact}.items() <= made.items()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"first_name": ""}, {"first_name": "blank"}),
        ({"last_name": None}, {"last_name": "null"}),
        ({"first_name": "x" * 101}, {"first_name": "max_length"}),
        ({"first_name": "a\0b"}, {"first_name": "null_characters_not_allowed"}),
        ({"email": "joe"}, {"email": "invalid"}),
        ({"email": f"{'x' * 250}@a.example"}, {"email": "max_length"}),
        ({"phone_number": "12"}, {"phone_number": "invalid_phone_number"}),
        ({"email": "", "phone_number": ""}, {"email": "contact_missing"}),
        ({"sales_funnel_status": "sold"}, {"sales_funnel_status": "invalid_choice"}),
        ({"agent_id": "me"}, {"agent_id": "invalid"}),
        ({"agent_id": 2**63}, {"agent_id": "max_value"}),
    ],
)
def test_what_is_not_valid_is_named(api: Api, agent: AgentSeat, changes: Any, expected: dict[str, str]) -> None:
    assert faults(api.post("/v1/client", token=agent.token, json={**JOE, **changes})) == expected
    assert not Client.objects.exists()


@pytest.mark.parametrize("whose", ["foreign_agent", "deactivated_agent"])
def test_an_agent_elsewhere_or_gone_gets_no_client(
    api: Api, admin_agent: AgentSeat, whose: str, request: pytest.FixtureRequest
) -> None:
    other = request.getfixturevalue(whose)
    answer = api.post("/v1/client", token=admin_agent.token, json={**JOE, "agent_id": other.id})
    assert faults(answer) == {"agent_id": "not_an_active_agent"}


@pytest.mark.parametrize("name", NAMES)
def test_names_in_every_script_are_kept_as_they_are_and_found(api: Api, agent: AgentSeat, name: str) -> None:
    client = new_client(api, agent, first_name=name[:100], last_name=name[:100])
    assert shown(api, client)["first_name"] == name[:100]
    listed = api.get(f"/v1/agents/{agent.id}/clients", token=agent.token)
    assert [one["uuid"] for one in data(listed)] == [client.uuid]


# --- changed ----------------------------------------------------------------------------------------


def test_a_change_changes_what_it_names(api: Api, client_seat: ClientSeat) -> None:
    before = shown(api, client_seat)
    changes = {"first_name": "Josephine", "phone_number": "", "sales_funnel_status": "quoted"}
    answer = api.patch(client_seat.path, token=client_seat.agent.token, json=changes)
    assert_as_described(answer, "updateClient")
    after = data(answer)
    assert after == shown(api, client_seat)
    assert {**before, **changes, "updated_at": after["updated_at"]} == after
    assert after["updated_at"] > before["updated_at"]


def test_one_that_changes_nothing_leaves_no_trace(api: Api, client_seat: ClientSeat) -> None:
    before = shown(api, client_seat)
    assert data(api.patch(client_seat.path, token=client_seat.agent.token, json=JOE)) == before
    assert not AuditEntry.objects.filter(action="client.update").exists()


def test_an_address_or_a_number_remains(api: Api, client_seat: ClientSeat) -> None:
    nothing = {"email": "", "phone_number": ""}
    assert faults(api.patch(client_seat.path, token=client_seat.agent.token, json=nothing)) == {
        "email": "contact_missing"
    }
    assert shown(api, client_seat)["email"] == JOE["email"]


# --- given to a colleague -----------------------------------------------------------------------------


def test_a_reassigned_client_is_the_colleagues_with_all_it_has(
    api: Api, agent: AgentSeat, colleague: AgentSeat, page: PageSeat
) -> None:
    client = page.submission.client
    answer = api.post(f"{client.path}/reassign", token=agent.token, json={"agent_id": colleague.id})
    assert_as_described(answer, "reassignClient")
    assert data(answer)["agent"]["id"] == colleague.id
    moved = f"/v1/agents/{colleague.id}/clients/{client.uuid}"
    full = data(api.get(f"{moved}?include=submissions.declaration_pages", token=colleague.token))
    assert full["submissions"][0]["declaration_pages"][0]["uuid"] == page.uuid
    for path in (client.path, page.path, page.link_path):
        assert api.get(path, token=agent.token).status_code == 404
    for who, number in ((agent, 0), (colleague, 1)):
        assert api.get(f"/v1/agents/{who.id}/clients?search=joe", token=who.token).json()["meta"]["total"] == number
    entry = AuditEntry.objects.get(action="client.reassign")
    assert (entry.actor, entry.facts) == (f"agent:{agent.id}", {"agents": [agent.id, colleague.id]})


@pytest.mark.parametrize("whose", ["foreign_agent", "deactivated_agent", None])
def test_nobody_else_gets_it(
    api: Api, admin_agent: AgentSeat, client_seat: ClientSeat, whose: str | None, request: pytest.FixtureRequest
) -> None:
    to = request.getfixturevalue(whose).id if whose else 987654321
    answer = api.post(f"{client_seat.path}/reassign", token=admin_agent.token, json={"agent_id": to})
    assert faults(answer) == {"agent_id": "not_an_active_agent"}


def test_to_its_own_agent_it_is_not_reassigned(api: Api, agent: AgentSeat, client_seat: ClientSeat) -> None:
    before = shown(api, client_seat)
    assert data(api.post(f"{client_seat.path}/reassign", token=agent.token, json={"agent_id": agent.id})) == before
    assert not AuditEntry.objects.filter(action="client.reassign").exists()


def test_a_deactivated_agents_clients_are_the_admins_to_give(
    api: Api, partner: PartnerSeat, admin_agent: AgentSeat, agent: AgentSeat, client_seat: ClientSeat
) -> None:
    assert api.delete(f"/v1/agents/{agent.id}", token=partner.token).status_code == 204
    assert len(data(api.get(f"/v1/agents/{agent.id}/clients", token=admin_agent.token))) == 1
    answer = api.post(f"{client_seat.path}/reassign", token=admin_agent.token, json={"agent_id": admin_agent.id})
    assert data(answer)["agent"]["id"] == admin_agent.id


# --- destroyed ----------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_destroyed_client_is_gone_with_all_it_had(
    api: Api, agency: AgencySeat, agent: AgentSeat, page: PageSeat, declaration_pages_dir: Any
) -> None:
    client = page.submission.client
    kept = new_client(api, agent, first_name="Kept")
    link = data(api.get(page.link_path, token=agent.token))["url"].removeprefix("http://testserver")
    assert [path for path in declaration_pages_dir.rglob("*") if path.is_file()]
    assert api.post(f"{client.path}/destroy", token=agent.token).status_code == 204
    assert [str(one.pk) for one in Client.objects.all()] == [kept.uuid]
    assert not Submission.objects.exists()
    assert not DeclarationPage.objects.exists()
    assert [path for path in declaration_pages_dir.rglob("*") if path.is_file()] == []
    assert api.get(link).status_code == 404
    for path in (client.path, f"{client.path}/submissions", page.path):
        assert api.get(path, token=agent.token).status_code == 404
    assert api.post(f"{client.path}/destroy", token=agent.token).status_code == 404
    entry = AuditEntry.objects.get(action="client.destroy")
    assert (entry.target_id, entry.agency_id) == (client.uuid, agency.id)
    assert entry.facts == {"submissions": 1, "declaration_pages": 1}


UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{32}")


def test_one_of_many_submissions_is_destroyed_by_statements_that_each_name_some_of_them(
    api: Api, page: PageSeat, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All at once they would take too long, and name more than a statement may: 65,535."""
    monkeypatch.setattr(batches, "AT_ONCE", 2)
    client, first = page.submission.client, Submission.objects.get()
    for n in range(6):
        one = Submission.objects.create(client_id=client.uuid)
        copy = DeclarationPage.objects.get(submission=first)
        copy.pk, copy.submission, copy.stored_name = new_id(), one, f"2026-01-01/{n}.pdf"
        copy.save(force_insert=True)
    with CaptureQueriesContext(connection) as captured:
        assert api.post(f"{client.path}/destroy", token=client.agent.token).status_code == 204
    assert max(len(UUID.findall(one["sql"])) for one in captured if one["sql"].startswith("DELETE")) == 2
    assert not DeclarationPage.objects.exists()
    assert AuditEntry.objects.get(action="client.destroy").facts == {"submissions": 7, "declaration_pages": 7}


def test_the_audit_trail_keeps_nothing_personal(api: Api, agent: AgentSeat, page: PageSeat) -> None:
    client = page.submission.client
    api.patch(client.path, token=agent.token, json={"last_name": "Personally"})
    api.patch(page.path, token=agent.token, json={"policy_number": "PERSONAL-1"})
    api.post(f"{client.path}/destroy", token=agent.token)
    kept = json.dumps(list(AuditEntry.objects.values()), default=str)
    for personal in (*JOE.values(), "Personally", "PERSONAL-1", "declarations.pdf"):
        assert personal not in kept


# --- what it costs ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "queries"), [("", 3), ("?include=submissions", 5), ("?include=submissions.declaration_pages", 6)]
)
def test_queries_of_one_client(api: Api, page: PageSeat, query: str, queries: int) -> None:
    """The caller, its agent, the client; then a query for each kind of row that is included, and the client's own."""
    client = page.submission.client
    api.get(client.path, token=client.agent.token)
    with CaptureQueriesContext(connection) as captured:
        answer = api.get(f"{client.path}{query}", token=client.agent.token)
    assert len(captured) == queries
    assert_as_described(answer, "showClient")


def test_an_unknown_include_is_422(api: Api, client_seat: ClientSeat) -> None:
    for path in (client_seat.path, f"/v1/agents/{client_seat.agent.id}/clients"):
        for asked in ("policies", "submissions,policies", "submissions.pages", "submissions&include=policies", ","):
            answer = api.get(f"{path}?include={asked}", token=client_seat.agent.token)
            assert faults(answer) == {"include": "unknown_include"}


def test_a_caller_of_another_kind_is_told_so(api: Api, partner: PartnerSeat, client_seat: ClientSeat) -> None:
    assert code(api.get(client_seat.path, token=partner.token)) == "forbidden"
