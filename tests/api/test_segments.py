"""Long lists, counted by segments: any page is what there is, and is found without a walk (api/segments.py)."""

from typing import Any

import pytest
from django.core.cache import caches
from django.db import connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Sum
from hypothesis import given, settings
from hypothesis import strategies as st

from agencies.models import Agency
from agents.models import Agent
from agents.tasks import tidy_totals
from api import segments
from api.models import Segment, Total
from api.segments import divide
from api.totals import fold, recount_all
from clients.models import Client
from oauth_clients.models import AgencyLink
from tests.api.test_totals import ACTS, assert_exact
from tests.conftest import AgencySeat, AgentSeat, Api, PartnerSeat
from tests.factories import agencies_of_client, agents_of_agency, clients_of_agent
from tests.scans import rows_counted
from tests.threads import PATIENCE, another_connection, at_once, await_waiting, callers, in_turn
from tests.webhooks.conftest import new_delivery, new_webhook


@pytest.fixture(autouse=True)
def short_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments, "ROWS", 3)
    monkeypatch.setattr(segments, "PATIENCE", "60s")


def pages(api: Api, token: str, path: str, query: str, per_page: int) -> list[Any]:
    """The ids on all pages, the one after the last included; each page asked for by its number."""
    caches["default"].clear()
    found: list[Any] = []
    number, last = 1, 1
    while number <= last + 1:
        answer = api.get(f"{path}?{query}&perPage={per_page}&page={number}", token=token)
        assert answer.status_code == 200, answer.content
        meta, rows = answer.json()["meta"], answer.json()["data"]
        last = meta["last_page"]
        assert len(rows) == max(0, min(per_page, meta["total"] - per_page * (number - 1)))
        found += [row.get("id", row.get("uuid")) for row in rows]
        number += 1
    return found


# --- whatever is done ---------------------------------------------------------------------------------------


def _many(one: int, other: int) -> None:
    for agent in Agent.objects.order_by("pk")[one : one + 1]:
        agents_of_agency(agent.agency_id, 12)
        clients_of_agent(agent.pk, 12, sales_funnel_status="won" if other % 2 else "new")


def _leave(one: int, other: int) -> None:
    """Not those who call."""
    ids = Agent.objects.filter(is_owner=False, is_admin=False).order_by("pk").values_list("pk", flat=True)
    gone = list(ids[one : one + 1 + other % 5])
    Client.objects.filter(agent__in=gone).delete()
    Agent.objects.filter(pk__in=gone).delete()


HERE = {**ACTS, "many": _many, "dismiss": _leave, "divide": lambda *_: divide()}
acts = st.lists(
    st.tuples(st.sampled_from(sorted(HERE)), st.integers(0, 30), st.integers(0, 20)), min_size=3, max_size=12
)


@settings(max_examples=15)
@given(acts=acts, per_page=st.integers(2, 9))
def test_pages_are_what_there_is_in_order_whatever_is_done_in_any_segment(
    api: Api, partner: PartnerSeat, agency: AgencySeat, acts: list[tuple[str, int, int]], per_page: int
) -> None:
    with transaction.atomic():
        _many(0, 0)
        for each in agencies_of_client(partner.row, 8):
            agents_of_agency(each.pk, 1)
        divide()
        for name, one, other in acts:
            HERE[name](one, other)
        assert_exact()
        reached = AgencyLink.objects.filter(oauth_client=partner.row)
        everyone = Agent.objects.filter(agency__in=reached.values("agency")).order_by("pk")
        for deactivated in (False, True):
            query = "includeDeactivated=true" if deactivated else ""
            agents, links = everyone if deactivated else everyone.active(), reached if deactivated else reached.active()
            linked = list(links.order_by("agency").values_list("agency", flat=True))
            assert pages(api, partner.token, "/v1/agents", query, per_page) == [agent.pk for agent in agents]
            assert pages(api, partner.token, "/v1/agencies", query, per_page) == linked
        transaction.set_rollback(True)


@settings(max_examples=15)
@given(acts=acts, per_page=st.integers(2, 9))
def test_so_are_those_of_an_agencys_agents_and_an_agents_clients(
    api: Api, agency: AgencySeat, acts: list[tuple[str, int, int]], per_page: int
) -> None:
    owner = agency.owner
    with transaction.atomic():
        _many(0, 0)
        _many(0, 1)
        divide()
        for name, one, other in acts:
            HERE[name](one, other)
        Agent.objects.filter(pk=owner.id).update(deactivated_at=None)
        Agency.objects.update(deactivated_at=None)
        assert_exact()
        everyone = Agent.objects.filter(agency=agency.id).order_by("pk").values_list("pk", flat=True)
        assert pages(api, owner.token, f"{agency.path}/agents", "", per_page) == list(everyone.active())
        assert pages(api, owner.token, f"{agency.path}/agents", "includeDeactivated=true", per_page) == list(everyone)
        mine = Client.objects.filter(agent=owner.id).order_by("pk")
        for statuses in ([], ["new"], ["won", "lost"]):
            narrowed = mine.filter(sales_funnel_status__in=statuses) if statuses else mine
            query = "&".join(f"salesFunnelStatus={status}" for status in statuses)
            found = pages(api, owner.token, f"/v1/agents/{owner.id}/clients", query, per_page)
            assert found == [str(client.pk) for client in narrowed]
        transaction.set_rollback(True)


def test_so_are_those_of_a_webhooks_deliveries_from_either_end(api: Api, admin_agent: AgentSeat) -> None:
    webhook = new_webhook(api, admin_agent)
    made = [new_delivery(api, webhook).uuid for _ in range(11)]
    divide()
    assert Segment.objects.count() == 2
    path = f"{webhook.path}/deliveries"
    assert pages(api, admin_agent.token, path, "", 4) == made
    assert pages(api, admin_agent.token, path, "sort=-created_at", 4) == made[::-1]
    assert_exact()


# --- how it is cut ----------------------------------------------------------------------------------------


def amounts(owner: int) -> list[tuple[int, int]]:
    """Of an agent's list of clients: of each segment its number, and how many clients are in it."""
    kept = Total.objects.filter(listed="clients_client", owner=str(owner)).values_list("start").order_by("start")
    return list(enumerate(kept.annotate(rows=Sum("amount")).values_list("rows", flat=True)))


def test_only_what_is_long_is_cut(api: Api, agent: AgentSeat) -> None:
    clients_of_agent(agent.id, 6)
    divide()
    assert amounts(agent.id) == [(0, 6)]
    clients_of_agent(agent.id, 1)
    divide()
    assert amounts(agent.id) == [(0, 3), (1, 4)]
    clients_of_agent(agent.id, 30)
    divide()
    assert amounts(agent.id) == [*((n, 3) for n in range(11)), (11, 4)]


def test_each_day_long_lists_are_cut(api: Api, agent: AgentSeat) -> None:
    clients_of_agent(agent.id, 7)
    tidy_totals()
    of_agent = Total.objects.filter(listed="clients_client", owner=str(agent.id))
    assert sorted(of_agent.values_list("amount", flat=True)) == [3, 4]


def test_a_page_in_the_middle_is_found_without_walking_there(
    api: Api, partner: PartnerSeat, agency: AgencySeat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segments, "ROWS", 50)
    made = agents_of_agency(agency.id, 1_500)
    divide()
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE agents_agent, agents_agentlink, api_total")
    for number in (2, 30, 59):
        with rows_counted("agents_agentlink") as rows:
            found = api.get(f"/v1/agents?page={number}", token=partner.token).json()["data"]
        assert found[0]["id"] == made[25 * (number - 1) - 1].pk
        assert rows[0] <= 100


def test_nor_in_a_list_in_the_order_of_uuids(api: Api, agent: AgentSeat, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments, "ROWS", 50)
    made = clients_of_agent(agent.id, 1_500)
    divide()
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE clients_client, api_total")
    for number in (2, 30, 59):
        with rows_counted("clients_client") as rows:
            found = api.get(f"/v1/agents/{agent.id}/clients?page={number}", token=agent.token).json()["data"]
        assert [row["uuid"] for row in found] == [str(client.pk) for client in made[25 * (number - 1) : 25 * number]]
        assert rows[0] <= 150


# --- at the same time -----------------------------------------------------------------------------------------


def _replaced(agent_id: int) -> None:
    """The first of its clients goes, and another comes: a change in two segments."""
    Client.objects.filter(pk__in=Client.objects.filter(agent=agent_id).order_by("pk").values("pk")[:1]).delete()
    clients_of_agent(agent_id, 1)


@pytest.mark.django_db(transaction=True)
def test_what_was_being_written_is_waited_for_and_counted(api: Api, agent: AgentSeat) -> None:
    clients_of_agent(agent.id, 7)
    with callers() as start:
        with transaction.atomic():
            _replaced(agent.id)
            cut = start(divide)
            await_waiting()
        cut.result(PATIENCE)
    assert amounts(agent.id) == [(0, 3), (1, 4)]
    assert_exact()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("count", [1, 20])
def test_who_comes_meanwhile_counts_in_the_new_segment(api: Api, agent: AgentSeat, count: int) -> None:
    """Held where the new segment is entered, while the table is locked."""
    clients_of_agent(agent.id, 7)
    in_turn(divide, lambda: clients_of_agent(agent.id, count), at="api_segment")
    assert sum(rows for _, rows in amounts(agent.id)) == 7 + count
    assert_exact()


@pytest.mark.django_db(transaction=True)
def test_two_cut_it_once(api: Api, agent: AgentSeat) -> None:
    clients_of_agent(agent.id, 7)
    in_turn(divide, divide, at="api_segment")
    assert amounts(agent.id) == [(0, 3), (1, 4)]
    assert_exact()


@pytest.mark.django_db(transaction=True)
def test_totals_of_segments_hold_where_many_write_while_they_are_cut(api: Api, agent: AgentSeat) -> None:
    clients_of_agent(agent.id, 20)

    def write() -> None:
        for n in range(10):
            with transaction.atomic():
                clients_of_agent(agent.id, 1 + n % 3 * 6)
                _replaced(agent.id)

    def cut() -> None:
        for _ in range(10):
            divide()
            fold()

    at_once(write, write, cut, cut)
    assert_exact()
    assert Segment.objects.count() > 20


@pytest.mark.django_db(transaction=True)
def test_a_table_that_somebody_keeps_is_cut_another_day(
    api: Api, agent: AgentSeat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segments, "PATIENCE", "50ms")
    clients_of_agent(agent.id, 7)
    with another_connection() as holder, holder.transaction():
        holder.execute("LOCK TABLE clients_client IN ROW EXCLUSIVE MODE")  # as who writes to it does
        divide()
        assert amounts(agent.id) == [(0, 7)]
    divide()
    assert amounts(agent.id) == [(0, 3), (1, 4)]


# --- recounted, migrated --------------------------------------------------------------------------------------


def test_a_segment_that_drifted_is_found_and_mended(api: Api, agent: AgentSeat) -> None:
    clients_of_agent(agent.id, 10)
    divide()
    fold()
    in_second = Total.objects.filter(listed="clients_client").order_by("start")[1:2]
    Total.objects.filter(pk__in=in_second.values("pk")).update(amount=5)
    [drift] = recount_all()
    assert (drift.owner, drift.missing) == (str(agent.id), -2)
    assert amounts(agent.id) == [(0, 3), (1, 3), (2, 4)]


BEFORE = [
    ("api", "0003_row_level_security"),
    ("agents", "0007_agent_by_picture"),
    ("clients", "0007_clients_so_far"),
    ("oauth_clients", "0005_no_link_by_client_alone"),
    ("webhooks", "0005_delivery_types_so_far"),
]


@pytest.mark.django_db(transaction=True)
def test_lists_that_were_cut_are_whole_where_it_is_migrated_back(api: Api, agent: AgentSeat) -> None:
    leaves = MigrationExecutor(connection).loader.graph.leaf_nodes()
    clients_of_agent(agent.id, 10)
    divide()
    MigrationExecutor(connection).migrate(BEFORE)
    try:
        clients_of_agent(agent.id, 1)
    finally:
        MigrationExecutor(connection).migrate(leaves)
    assert amounts(agent.id) == [(0, 11)]
    divide()
    assert len(amounts(agent.id)) == 3
    assert_exact()
