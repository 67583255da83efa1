"""Totals that are kept: what the database says there is, whoever wrote it, and whatever was undone (api/totals.py)."""

from collections.abc import Callable, Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from agencies.models import Agency
from agents.models import Agent, AgentLink
from agents.tasks import tidy_totals
from api.models import Total
from api.totals import fold, recount_all
from clients.models import Client
from oauth_clients.models import AgencyLink, OAuthClient
from tests.conftest import AgencySeat, AgentSeat, Api, PartnerSeat, new_agency, new_agent
from tests.factories import ClientFactory, agencies_of_client, agents_of_agency, clients_of_agent
from tests.threads import PATIENCE, another_connection, at_once, await_waiting, callers
from tests.webhooks.conftest import new_delivery, new_webhook
from webhooks.models import Delivery

LINKED = """
    SELECT oauth_client_id, agent.id, agent.deactivated_at IS NULL, agent.updated_at
    FROM oauth_clients_agencylink JOIN agents_agent agent USING (agency_id) ORDER BY 1, 2
"""


def assert_exact() -> None:
    assert recount_all() == []
    with connection.cursor() as cursor:
        cursor.execute(LINKED)
        reached = cursor.fetchall()
    kept = AgentLink.objects.order_by("oauth_client_id", "agent_id")
    assert list(kept.values_list("oauth_client_id", "agent_id", "active", "updated_at")) == reached
    active = AgencyLink.objects.values_list("active", "agency__deactivated_at")
    assert all(one == (at is None) for one, at in active)


def total(api: Api, path: str, token: str) -> int:
    answer = api.get(path, token=token)
    assert answer.status_code == 200, answer.content
    return answer.json()["meta"]["total"]


# --- whatever is done -------------------------------------------------------------------------------------

Act = Callable[[int, int], Any]


def _update_agents(**values: Any) -> Act:
    return lambda one, other: Agent.objects.filter(pk__in=_some(Agent, one, other)).update(
        **values, updated_at=timezone.now()
    )


def _some(model: Any, one: int, count: int = 0) -> list[Any]:
    """The ids of some rows: as many as `count` says, and one more."""
    ids = list(model.objects.order_by("pk").values_list("pk", flat=True))
    return [ids[(one + n) % len(ids)] for n in range(count + 1)] if ids else []


def _link(one: int, other: int) -> None:
    [client], [agency] = _some(OAuthClient, one), _some(Agency, other)
    AgencyLink.objects.bulk_create([AgencyLink(oauth_client_id=client, agency_id=agency)], ignore_conflicts=True)


def _unlink(one: int, other: int) -> None:
    AgencyLink.objects.filter(pk__in=_some(AgencyLink, one, other)).delete()


def _hire(one: int, other: int) -> None:
    [agency] = _some(Agency, one)
    agents_of_agency(agency, other + 1)


def _dismiss(one: int, other: int) -> None:
    agents = _some(Agent, one, other)
    Client.objects.filter(agent__in=agents).delete()
    Agent.objects.filter(pk__in=agents).delete()


def _agencies(gone: bool) -> Act:
    at = timezone.now() if gone else None
    return lambda one, other: Agency.objects.filter(pk__in=_some(Agency, one, other)).update(deactivated_at=at)


def _acquire(one: int, other: int) -> None:
    for agent in _some(Agent, one):
        clients_of_agent(agent, other + 1)


def _reassign(one: int, other: int) -> None:
    for agent in _some(Agent, other):
        Client.objects.filter(pk__in=_some(Client, one, other)).update(agent=agent)


def _sell(one: int, other: int) -> None:
    Client.objects.filter(pk__in=_some(Client, one, other)).update(
        sales_funnel_status=["won", "lost", "new"][other % 3]
    )


ACTS: dict[str, Act] = {
    "link": _link,
    "unlink": _unlink,
    "hire": _hire,
    "dismiss": _dismiss,
    "deactivate agents": _update_agents(deactivated_at=timezone.now()),
    "reactivate agents": _update_agents(deactivated_at=None),
    "rename agents": _update_agents(first_name="New"),
    "deactivate agencies": _agencies(gone=True),
    "reactivate agencies": _agencies(gone=False),
    "acquire": _acquire,
    "reassign": _reassign,
    "sell": _sell,
    "fold": lambda _, __: fold(),
}
acts = st.lists(
    st.tuples(st.sampled_from(sorted(ACTS)), st.integers(0, 9), st.integers(0, 3), st.booleans()),
    min_size=5,
    max_size=25,
)


class Undone(Exception):
    pass


@given(acts=acts)
def test_totals_are_what_there_is_whatever_is_done_and_undone(
    partner: PartnerSeat, foreign_partner: PartnerSeat, acts: list[tuple[str, int, int, bool]]
) -> None:
    """Past all services, by statements about one row or several; some of them rolled back."""
    with transaction.atomic():
        for agency in agencies_of_client(partner.row, 3):
            agents_of_agency(agency.pk, 2)
        for name, one, other, undone in acts:
            try:
                with transaction.atomic():
                    ACTS[name](one, other)
                    if undone:
                        raise Undone
            except Undone:
                pass
        assert_exact()
        transaction.set_rollback(True)


def test_what_the_services_do_is_counted(
    api: Api, partner: PartnerSeat, foreign_partner: PartnerSeat, agency: AgencySeat, agent: AgentSeat
) -> None:
    other = new_agency(partner, "Second")
    colleague = new_agent(partner, agency, "c@example.com", is_admin=True)
    clients = f"/v1/agents/{agent.id}/clients"

    def totals() -> list[int]:
        every = "?includeDeactivated=true"
        asked = [("/v1/agencies", partner), ("/v1/agents", partner), (f"{agency.path}/agents", colleague)]
        return [total(api, path + query, seat.token) for path, seat in asked for query in ("", every)]

    assert totals() == [2, 2, 4, 4, 3, 3]
    api.delete(f"/v1/agents/{agent.id}", token=partner.token)
    assert totals() == [2, 2, 3, 4, 2, 3]
    api.delete(other.path, token=partner.token)
    assert totals() == [1, 2, 2, 4, 2, 3]
    api.post(f"{other.path}/reactivate", token=partner.token)
    assert totals() == [2, 2, 3, 4, 2, 3]
    assert total(api, "/v1/agents?includeDeactivated=true", foreign_partner.token) == 0

    made = clients_of_agent(agent.id, 3)
    funnel = [
        f"{clients}?{query}" for query in ("", "salesFunnelStatus=new", "salesFunnelStatus=new&salesFunnelStatus=won")
    ]
    assert [total(api, one, colleague.token) for one in funnel] == [3, 3, 3]
    api.patch(f"{clients}/{made[0].pk}", token=colleague.token, json={"sales_funnel_status": "won"})
    assert [total(api, one, colleague.token) for one in funnel] == [3, 2, 3]
    api.post(f"{clients}/{made[1].pk}/reassign", token=colleague.token, json={"agent_id": colleague.id})
    api.post(f"{clients}/{made[2].pk}/destroy", token=colleague.token)
    assert [total(api, one, colleague.token) for one in funnel] == [1, 0, 1]
    assert total(api, f"/v1/agents/{colleague.id}/clients", colleague.token) == 1
    assert_exact()


def test_deliveries_are_counted(api: Api, admin_agent: AgentSeat) -> None:
    webhook = new_webhook(api, admin_agent)
    for _ in range(3):
        new_delivery(api, webhook)
    assert total(api, f"{webhook.path}/deliveries", admin_agent.token) == Delivery.objects.count() == 3
    Delivery.objects.update(state="cancelled")
    assert_exact()
    Delivery.objects.all()[0].delete()
    assert total(api, f"{webhook.path}/deliveries", admin_agent.token) == 2
    assert_exact()


def test_a_value_that_is_not_good_is_refused_though_nothing_is_counted(
    api: Api, partner: PartnerSeat, agent: AgentSeat
) -> None:
    clients = f"/v1/agents/{agent.id}/clients"
    assert api.get("/v1/agents?includeDeactivated=yes", token=partner.token).status_code == 422
    assert api.get(f"{clients}?salesFunnelStatus=new&salesFunnelStatus=old", token=agent.token).status_code == 422
    assert total(api, "/v1/agents?includeDeactivated=", partner.token) == 2


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("oauth_clients_agencylink", "agency_id"),
        ("oauth_clients_agencylink", "oauth_client_id"),
        ("agents_agent", "agency_id"),
    ],
)
def test_what_is_reached_does_not_move(agency: AgencySeat, table: str, column: str) -> None:
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE {table} SET {column} = {column} + 1")  # noqa: S608 - names of ours


# --- at the same time -----------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_totals_hold_where_many_write_at_once(api: Api, partner: PartnerSeat, foreign_partner: PartnerSeat) -> None:
    """Agents come and go while their agencies are linked, unlinked and deactivated; some writers change their mind."""
    agencies = agencies_of_client(partner.row, 3)
    foreign = foreign_partner.row.pk

    def hire(agency: int, n: int) -> None:
        for round_ in range(6):
            try:
                with transaction.atomic():
                    agents_of_agency(agency, 2, first_name=f"Of {n}")
                    Agent.objects.filter(agency=agency, first_name=f"Of {n}").update(deactivated_at=timezone.now())
                    if round_ % 3 == 2:
                        raise Undone
            except Undone:
                pass

    def connect(agency: int) -> None:
        for _ in range(6):
            with transaction.atomic():
                AgencyLink.objects.create(oauth_client_id=foreign, agency_id=agency)
            AgencyLink.objects.filter(oauth_client_id=foreign, agency_id=agency).delete()
        AgencyLink.objects.create(oauth_client_id=foreign, agency_id=agency)

    def close(agency: int) -> None:
        for n in range(6):
            Agency.objects.filter(pk=agency).update(deactivated_at=timezone.now() if n % 2 else None)
            fold()

    at_once(
        *(lambda one=one, n=n: hire(one.pk, n) for one in agencies for n in range(2)),
        *(lambda one=one: connect(one.pk) for one in agencies),
        *(lambda one=one: close(one.pk) for one in agencies),
    )
    assert Agent.objects.count() == 3 * 2 * 4 * 2
    assert_exact()
    fold()
    assert_exact()


@pytest.mark.django_db(transaction=True)
def test_an_agent_that_is_deleted_while_its_agency_is_linked_is_not_kept(
    partner: PartnerSeat, foreign_partner: PartnerSeat
) -> None:
    [agency] = agencies_of_client(partner.row, 1)
    agents_of_agency(agency.pk, 2)
    with callers() as start:
        with transaction.atomic():
            AgencyLink.objects.create(oauth_client=foreign_partner.row, agency=agency)
            deleted = start(lambda: Agent.objects.filter(agency=agency).delete())
            await_waiting()
        deleted.result(PATIENCE)
    assert_exact()


@pytest.mark.django_db(transaction=True)
def test_writers_do_not_wait_for_one_another(api: Api, agency: AgencySeat, agent: AgentSeat) -> None:
    clients = f"/v1/agents/{agent.id}/clients"
    clients_of_agent(agent.id, 1)
    with callers() as start:
        with transaction.atomic():
            ClientFactory.build(agent_id=agent.id, sort_name="", words="").save(force_insert=True)
            for _ in range(2):
                start(lambda: clients_of_agent(agent.id, 1)).result(PATIENCE)
            assert total(api, clients, agent.token) == 4  # its own uncommitted one among them
        assert total(api, clients, agent.token) == 4
    of_agent = Total.objects.filter(listed="clients_client", owner=str(agent.id))
    assert of_agent.count() == 2
    fold()
    assert [one.amount for one in of_agent] == [4]
    assert_exact()


@pytest.mark.django_db(transaction=True)
def test_folding_waits_for_nobody(api: Api, agent: AgentSeat) -> None:
    clients_of_agent(agent.id, 2)
    Total.objects.create(listed="clients_client", owner=str(agent.id), part="new", amount=0)
    with another_connection() as holder, holder.transaction():
        holder.execute("SELECT 1 FROM api_total FOR UPDATE")
        fold()
    assert total(api, f"/v1/agents/{agent.id}/clients", agent.token) == 2


# --- recounted --------------------------------------------------------------------------------------------


def test_a_total_that_drifted_is_found_and_mended(api: Api, agent: AgentSeat, logged: Callable[[], str]) -> None:
    clients_of_agent(agent.id, 3)
    Total.objects.filter(listed="clients_client").update(amount=7)
    told = StringIO()
    call_command("recount", stdout=told)
    assert told.getvalue().splitlines() == [
        f"clients_client of {agent.id}, new: -4",
        "0 links and 1 totals were not what there is, and are now.",
    ]
    assert total(api, f"/v1/agents/{agent.id}/clients", agent.token) == 3
    Total.objects.all().delete()
    logged()
    tidy_totals()
    assert "totals_drifted" in logged()
    tidy_totals()
    assert logged() == ""
    assert_exact()


def test_links_that_drifted_are_mended(api: Api, partner: PartnerSeat, foreign_partner: PartnerSeat) -> None:
    closed, opened = agencies_of_client(partner.row, 2)
    agents = [*agents_of_agency(closed.pk, 2), *agents_of_agency(opened.pk, 2)]
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET LOCAL session_replication_role = replica")  # no triggers
    Agency.objects.filter(pk=closed.pk).update(deactivated_at=timezone.now())
    Agent.objects.filter(pk=agents[0].pk).update(deactivated_at=timezone.now())
    AgentLink.objects.filter(agent=agents[1]).update(oauth_client=foreign_partner.row)
    AgentLink.objects.filter(agent=agents[2]).delete()
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = origin")
    told = StringIO()
    call_command("recount", stdout=told)
    assert_exact()
    assert total(api, "/v1/agents", partner.token) == 3
    assert total(api, "/v1/agents", foreign_partner.token) == 0
    call_command("recount", stdout=told)
    assert told.getvalue().splitlines()[-1] == "0 links and 0 totals were not what there is, and are now."


SO_FAR = [("agents", "0002_agent_by_updated"), ("clients", "0005_revisions"), ("webhooks", "0001_initial")]


@pytest.fixture
def as_before() -> Iterator[Callable[[], None]]:
    """Without totals, as a database is that is migrated; then, called, with them again."""
    leaves = MigrationExecutor(connection).loader.graph.leaf_nodes()
    MigrationExecutor(connection).migrate([*SO_FAR, ("oauth_clients", "0002_access_token_expires_index")])
    MigrationExecutor(connection).migrate([("api", "0001_initial")])
    try:
        yield lambda: MigrationExecutor(connection).migrate(leaves)
    finally:
        MigrationExecutor(connection).migrate(leaves)


@pytest.mark.django_db(transaction=True)
def test_what_was_there_before_is_counted_when_it_is_migrated(as_before: Callable[[], None]) -> None:
    client = OAuthClient.objects.create(name="Partner")
    for gone in (timezone.now(), None):
        agency = Agency.objects.create(name="Agency", deactivated_at=gone)
        [agent] = agents_of_agency(agency.pk, 1, deactivated_at=gone)
        clients_of_agent(agent.pk, 1, sales_funnel_status="won")
        with connection.cursor() as cursor:  # not by a model that has a column more
            cursor.execute(
                "INSERT INTO oauth_clients_agencylink (oauth_client_id, agency_id, created_at) VALUES (%s, %s, now())",
                [client.pk, agency.pk],
            )
    as_before()
    fold()
    assert (AgencyLink.objects.active().count(), AgentLink.objects.active().count()) == (1, 1)
    assert sorted(Total.objects.values_list("listed", "part", "amount")) == [
        ("agents_agent", "active", 1),
        ("agents_agent", "deactivated", 1),
        ("agents_agentlink", "active", 1),
        ("agents_agentlink", "deactivated", 1),
        ("clients_client", "won", 1),
        ("clients_client", "won", 1),
        ("oauth_clients_agencylink", "active", 1),
        ("oauth_clients_agencylink", "deactivated", 1),
    ]
    assert_exact()
