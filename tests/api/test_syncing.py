"""Keeping a copy: `updatedSince`, walked by cursor in the order of the changes."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.core.cache import cache
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from agencies.models import Agency
from agents.models import Agent
from clients.models import Client
from tests.answers import data, faults
from tests.clients.conftest import JOE
from tests.conftest import AgencySeat, AgentSeat, Api, PartnerSeat
from tests.factories import agencies_of_client, agents_of_agency, clients_of_agent

LONG_AGO = "2020-01-01T00:00:00Z"
HOUR = timedelta(hours=1)


def rows(api: Api, path: str, token: str, since: str, **query: Any) -> list[dict[str, Any]]:
    """What a sync fetches, page after page."""
    url: str | None = f"{path}?{urlencode({'cursor': 'first', 'updatedSince': since, 'perPage': 2, **query})}"
    found: list[dict[str, Any]] = []
    while url:
        cache.clear()
        answer = api.get(url, token=token)
        found += data(answer)
        url = answer.json()["links"]["next"]
    return found


def emails(found: list[dict[str, Any]]) -> list[str]:
    return [row["email"] for row in found]


def aged(*seats: AgentSeat) -> None:
    """As if they had not been changed for an hour."""
    Agent.objects.filter(pk__in=[seat.id for seat in seats]).update(updated_at=timezone.now() - HOUR)


# --- what a sync sees -------------------------------------------------------------------------------------


@pytest.mark.parametrize("paging", ["", "&cursor=first"])
def test_it_is_from_that_moment_on(
    api: Api, partner: PartnerSeat, agency: AgencySeat, agent: AgentSeat, paging: str
) -> None:
    aged(agency.owner)
    moment = data(api.get(f"{agency.path}/agents/{agent.id}", token=agent.token))["updated_at"]
    later = (datetime.fromisoformat(moment) + timedelta(microseconds=1)).isoformat().replace("+00:00", "Z")
    for path, token in (("/v1/agents", partner.token), (f"{agency.path}/agents", agent.token)):
        assert emails(data(api.get(f"{path}?updatedSince={moment}{paging}", token=token))) == [agent.email]
        assert data(api.get(f"{path}?updatedSince={later}{paging}", token=token)) == []


ACTS: dict[str, Callable[[Api, str, AgencySeat, AgentSeat], Any]] = {
    "changed": lambda api, _, agency, agent: api.patch(
        f"{agency.path}/agents/{agent.id}", token=agent.token, json={"first_name": "Anne"}
    ),
    "deactivated": lambda api, partner, _, agent: api.delete(f"/v1/agents/{agent.id}", token=partner),
    "deactivated with its agency": lambda api, partner, agency, _: api.delete(agency.path, token=partner),
    "made owner": lambda api, partner, agency, agent: api.post(
        f"{agency.path}/transfer-ownership", token=partner, json={"agent_id": agent.id}
    ),
    "given questions": lambda api, _, __, agent: api.patch(
        f"/v1/agents/{agent.id}/additional-questions", token=agent.token, json={"enabled": True}
    ),
}


@pytest.mark.parametrize("act", ACTS)
def test_each_change_of_an_agent_is_seen(
    api: Api, partner: PartnerSeat, agency: AgencySeat, agent: AgentSeat, colleague: AgentSeat, act: str
) -> None:
    aged(agency.owner, agent, colleague)
    since = timezone.now().isoformat()
    assert ACTS[act](api, partner.token, agency, agent).status_code < 300
    found = rows(api, "/v1/agents", partner.token, since, includeDeactivated="true")
    assert agent.email in emails(found)
    assert (colleague.email in emails(found)) == (act == "deactivated with its agency")
    [row] = [row for row in found if row["id"] == agent.id]
    assert (row["deactivated_at"] is not None) == act.startswith("deactivated")


def test_so_is_its_return(api: Api, partner: PartnerSeat, agency: AgencySeat, agent: AgentSeat) -> None:
    for path in (f"/v1/agents/{agent.id}", agency.path):
        assert api.delete(path, token=partner.token).status_code == 204
        Agent.objects.update(updated_at=timezone.now() - HOUR)
        Agency.objects.update(updated_at=timezone.now() - HOUR)
        since = timezone.now().isoformat()
        assert api.post(f"{path}/reactivate", token=partner.token).status_code == 200
        who = agent.email if "agents" in path else agency.owner.email
        assert who in emails(rows(api, "/v1/agents", partner.token, since))
    [row] = rows(api, "/v1/agencies", partner.token, since)
    assert row["id"] == agency.id


def test_each_change_of_an_agency_is_seen(api: Api, partner: PartnerSeat, agency: AgencySeat) -> None:
    agencies_of_client(partner.row, 3)
    for act in (
        lambda: api.patch(agency.path, token=agency.owner.token, json={"name": "Harbor"}),
        lambda: api.delete(agency.path, token=partner.token),
        lambda: api.post(f"{agency.path}/reactivate", token=partner.token),
    ):
        since = timezone.now().isoformat()
        assert act().status_code < 300
        [row] = rows(api, "/v1/agencies", partner.token, since, includeDeactivated="true")
        assert row["id"] == agency.id


def test_a_client_is_seen_when_it_changes_and_by_the_agent_that_it_comes_to(
    api: Api, agency: AgencySeat, agent: AgentSeat, colleague: AgentSeat
) -> None:
    clients_of_agent(agent.id, 3)
    uuid = data(api.post("/v1/client", token=agent.token, json=JOE))["uuid"]
    mine, theirs = (f"/v1/agents/{seat.id}/clients" for seat in (agent, colleague))
    since = timezone.now().isoformat()
    api.patch(f"{mine}/{uuid}", token=agent.token, json={"sales_funnel_status": "won"})
    assert [row["uuid"] for row in rows(api, mine, agent.token, since)] == [uuid]
    since = timezone.now().isoformat()
    moved = api.post(f"{mine}/{uuid}/reassign", token=agency.owner.token, json={"agent_id": colleague.id})
    assert moved.status_code == 200
    assert [row["uuid"] for row in rows(api, theirs, colleague.token, since)] == [uuid]
    assert rows(api, mine, agent.token, since) == []


# --- in which order ---------------------------------------------------------------------------------------


def test_a_walk_is_in_the_order_of_the_changes_and_numbered_pages_in_that_of_the_ids(
    api: Api, partner: PartnerSeat, agency: AgencySeat, agent: AgentSeat
) -> None:
    aged(agent)
    assert emails(rows(api, "/v1/agents", partner.token, LONG_AGO)) == [agent.email, agency.owner.email]
    numbered = data(api.get(f"/v1/agents?updatedSince={LONG_AGO}", token=partner.token))
    assert emails(numbered) == [agency.owner.email, agent.email]


def test_a_sort_goes_before(api: Api, agent: AgentSeat) -> None:
    clients_of_agent(agent.id, 5)
    path = f"/v1/agents/{agent.id}/clients"
    found = rows(api, path, agent.token, LONG_AGO, sort="-created_at")
    assert [row["created_at"] for row in found] == sorted((row["created_at"] for row in found), reverse=True)
    assert len(found) == 5


@given(
    per_page=st.integers(1, 4),
    changes=st.lists(st.lists(st.integers(0, 1_000), max_size=3), min_size=1, max_size=6),
)
def test_a_copy_is_true_after_one_walk_whatever_changes_during_it(
    api: Api, agent: AgentSeat, per_page: int, changes: list[list[int]]
) -> None:
    """What changes in the middle comes at the end, once more."""
    Client.objects.all().delete()
    made = clients_of_agent(agent.id, 6)
    copy: dict[str, str] = {}
    url: str | None = f"/v1/agents/{agent.id}/clients?cursor=first&updatedSince={LONG_AGO}&perPage={per_page}"
    turn = 0
    while url:
        cache.clear()
        body = api.get(url, token=agent.token).json()
        copy |= {row["uuid"]: row["last_name"] for row in body["data"]}
        url = body["links"]["next"]
        if url:  # what changes after the last page is the next walk's
            for which in changes[turn] if turn < len(changes) else []:
                one = made[which % len(made)]
                path = f"/v1/agents/{agent.id}/clients/{one.pk}"
                data(api.patch(path, token=agent.token, json={"last_name": f"Changed {turn} {which}"}))
        turn += 1
    assert copy == {str(one.pk): one.last_name for one in Client.objects.all()}


# --- bounds and costs -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value", ["yesterday", "1700000000", "2026-13-01T00:00:00Z", "2026-01-01T00:00:00 01:00", "\0"]
)
def test_what_is_no_moment_is_422(api: Api, partner: PartnerSeat, agent: AgentSeat, value: str) -> None:
    for path, token in (
        ("/v1/agents", partner.token),
        ("/v1/agencies", partner.token),
        (f"/v1/agents/{agent.id}/clients", agent.token),
    ):
        query = urlencode({"updatedSince": value})
        assert faults(api.get(f"{path}?{query}", token=token)).keys() == {"updatedSince"}


@pytest.mark.parametrize(
    "value", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59.999999-12:00", "2026-01-01T00:00:00.1234567+05:30"]
)
@pytest.mark.parametrize("paging", ["", "&cursor=first"])
def test_no_moment_is_a_500(api: Api, partner: PartnerSeat, agency: AgencySeat, value: str, paging: str) -> None:
    query = urlencode({"updatedSince": value})
    assert api.get(f"/v1/agents?{query}{paging}", token=partner.token).status_code in (200, 422)


@pytest.mark.parametrize(
    ("path", "whose", "index"),
    [("/v1/agents", "partner", "agent_link_by_updated"), ("{agency}/agents", "agent", "agent_by_updated")],
)
@pytest.mark.usefixtures("new_files")
def test_a_sync_reads_an_index_from_where_it_was(
    api: Api, partner: PartnerSeat, agency: AgencySeat, agent: AgentSeat, path: str, whose: str, index: str
) -> None:
    agents_of_agency(agency.id, 300)
    for one in agencies_of_client(partner.row, 300):
        agents_of_agency(one.pk, 10)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE agents_agent, agents_agentlink, agencies_agency, oauth_clients_agencylink")
    token = partner.token if whose == "partner" else agent.token
    url = f"{path.format(agency=agency.path)}?perPage=10&updatedSince={LONG_AGO}"
    deep = api.get(f"{url}&cursor=first", token=token).json()["meta"]["next_cursor"]
    with CaptureQueriesContext(connection) as captured:
        assert api.get(f"{url}&cursor={deep}", token=token).status_code == 200
    assert len(captured) == 3
    [sql] = [one["sql"] for one in captured if "LIMIT 11" in one["sql"]]
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {sql}")
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert f"using {index} " in plan, plan
    assert "Sort" not in plan, plan


@pytest.mark.parametrize("path", ["/v1/agents", "/v1/agencies"])
@pytest.mark.usefixtures("new_files")
def test_what_is_new_is_read_from_an_index(api: Api, partner: PartnerSeat, agency: AgencySeat, path: str) -> None:
    agencies_of_client(partner.row, 3_000)
    agents_of_agency(agency.id, 3_000)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE agents_agent, agents_agentlink, agencies_agency, oauth_clients_agencylink")
    with CaptureQueriesContext(connection) as captured:
        api.get(f"{path}?cursor=first&updatedSince=2999-01-01T00:00:00Z", token=partner.token)
    [sql] = [one["sql"] for one in captured if "LIMIT 26" in one["sql"]]
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {sql}")
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "_by_updated " in plan, plan


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("app", "name"), [("agents", "agent_by_updated"), ("agencies", "agency_by_updated")])
def test_the_indexes_can_be_taken_back_and_built_again(app: str, name: str) -> None:
    def there() -> bool:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_indexes WHERE indexname = %s", [name])
            return cursor.fetchone() is not None

    assert there()
    leaves = MigrationExecutor(connection).loader.graph.leaf_nodes()
    try:
        MigrationExecutor(connection).migrate([(app, "0001_initial")])
        assert not there()
    finally:
        MigrationExecutor(connection).migrate(leaves)
    assert there()
