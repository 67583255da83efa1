"""Two at once, and one cut off in the middle: real threads and connections; nothing is lost or doubled."""

from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponse

from agencies.models import Agency
from agents.models import Agent, AgentToken
from api.errors import Invalid
from audit.models import AuditEntry
from clients.models import QuestionSet
from clients.services.questions import publish_questions
from oauth_clients.models import AgencyLink
from tests.answers import code, data, faults
from tests.conftest import COMMAND_LINE, AgencySeat, AgentSeat, Api, PartnerSeat, new_agent
from tests.pictures import png
from tests.threads import PATIENCE, another_connection, at_once, await_waiting, callers, row_held

pytestmark = pytest.mark.django_db(transaction=True)
ANN = {"first_name": "Ann", "last_name": "Agent", "email": "ann@example.com"}


def add(partner: PartnerSeat, agency: AgencySeat, **changes: Any) -> HttpResponse:
    return Api().post(f"{agency.path}/agents", token=partner.token, json={**ANN, **changes})


def statuses(answers: list[HttpResponse]) -> list[int]:
    return sorted(answer.status_code for answer in answers)


# --- two at once --------------------------------------------------------------------------------------


def test_one_address_in_one_agency_makes_one_agent(partner: PartnerSeat, agency: AgencySeat) -> None:
    emails = ["ann@example.com", "ANN@example.com", "Ann@Example.com", "ann@example.COM"]
    answers = at_once(*[lambda email=email: add(partner, agency, email=email) for email in emails])
    assert statuses(answers) == [201, 422, 422, 422]
    assert {str(faults(answer)) for answer in answers if answer.status_code == 422} == {"{'email': 'email_taken'}"}
    assert Agent.objects.filter(agency_id=agency.id).count() == 2


def test_one_slug_in_two_agencies_makes_one_agent(
    partner: PartnerSeat, agency: AgencySeat, foreign_partner: PartnerSeat, foreign_agency: AgencySeat
) -> None:
    """No lock is shared between tenants: the database's own constraint decides."""
    answers = at_once(
        lambda: add(partner, agency, slug_suffix="desk"),
        lambda: add(foreign_partner, foreign_agency, slug_suffix="desk"),
    )
    assert statuses(answers) == [201, 422]
    [refused] = [answer for answer in answers if answer.status_code == 422]
    assert faults(refused) == {"slug_suffix": "slug_taken"}
    assert Agent.objects.filter(slug="ann-agent-desk").count() == 1


def test_two_edits_of_the_questions_publish_one_version(db: None) -> None:
    asked, _ = QuestionSet.objects.get_or_create(insurance_type="umbrella", version=1)

    def publish(label: str) -> str:
        boat = {"key": "boat", "label": label, "help_text": "", "kind": "yes_no", "required": False, "options": []}
        try:
            return str(publish_questions(actor=COMMAND_LINE, based_on=asked, questions=[boat]).version)
        except Invalid as refusal:
            return refusal.code

    assert sorted(at_once(*[lambda n=n: publish(f"Boat {n}?") for n in range(4)])) == ["2", *["outdated"] * 3]
    assert QuestionSet.objects.filter(insurance_type="umbrella").count() == 2


def test_two_resets_leave_one_token(api: Api, partner: PartnerSeat, agency: AgencySeat, agent: AgentSeat) -> None:
    def reset() -> HttpResponse:
        return Api().post(f"/v1/agents/{agent.id}/reset-access-token", token=partner.token)

    tokens = [data(answer)["agent"]["access_token"] for answer in at_once(*[reset] * 4)]
    assert AgentToken.objects.filter(agent_id=agent.id, revoked_at__isnull=True).count() == 1
    assert sorted(api.get(agency.path, token=token).status_code for token in tokens) == [200, 401, 401, 401]


def test_two_transfers_leave_one_owner(
    partner: PartnerSeat, agency: AgencySeat, agent: AgentSeat, colleague: AgentSeat
) -> None:
    def transfer(agent_id: int) -> HttpResponse:
        return Api().post(f"{agency.path}/transfer-ownership", token=partner.token, json={"agent_id": agent_id})

    answers = at_once(*[lambda pk=seat.id: transfer(pk) for seat in (agent, colleague, agency.owner)])
    assert statuses(answers) == [200, 200, 200]
    assert Agent.objects.filter(agency_id=agency.id, is_owner=True).count() == 1


def test_the_owner_and_a_colleague_who_leave_at_once_follow_each_other(
    partner: PartnerSeat, agency: AgencySeat, agent: AgentSeat
) -> None:
    def leave(seat: AgentSeat) -> HttpResponse:
        return Api().delete(f"/v1/agents/{seat.id}", token=partner.token)

    owners, colleagues = at_once(lambda: leave(agency.owner), lambda: leave(agent))
    assert colleagues.status_code == 204
    assert owners.status_code in (204, 422)  # as it came second or first
    left = Agent.objects.active().filter(agency_id=agency.id)
    assert [one.pk for one in left] == ([] if owners.status_code == 204 else [agency.owner.id])


def test_two_changes_of_different_fields_both_stay(agency: AgencySeat) -> None:
    def change(**fields: str) -> HttpResponse:
        return Api().patch(agency.path, token=agency.owner.token, json=fields)

    with callers() as start:
        with row_held("agencies_agency", agency.id):
            futures = [start(lambda: change(name="New name")), start(lambda: change(color_code="ABCDEF"))]
            await_waiting(2)
        assert [future.result(PATIENCE).status_code for future in futures] == [200, 200]
    row = Agency.objects.get(pk=agency.id)
    assert (row.name, row.color_code) == ("New name", "ABCDEF")


@pytest.mark.parametrize("first", ["deactivate", "add"])
def test_no_agent_is_added_to_an_agency_that_is_being_deactivated(
    partner: PartnerSeat, agency: AgencySeat, first: str
) -> None:
    acts = {
        "deactivate": lambda: Api().delete(agency.path, token=partner.token),
        "add": lambda: add(partner, agency),
    }
    second = "add" if first == "deactivate" else "deactivate"
    with callers() as start:
        with row_held("agencies_agency", agency.id):
            futures = {first: start(acts[first])}
            await_waiting(1)
            futures[second] = start(acts[second])
            await_waiting(2)
        answers = {name: future.result(PATIENCE) for name, future in futures.items()}
    assert answers["deactivate"].status_code == 204
    if first == "add":
        assert answers["add"].status_code == 201
    else:
        assert code(answers["add"]) == "agency_deactivated"
    assert not Agent.objects.active().filter(agency_id=agency.id).exists()
    assert not AgentToken.objects.filter(agent__agency_id=agency.id, revoked_at__isnull=True).exists()


def test_a_reset_that_waits_for_a_deactivation_gives_no_token(
    partner: PartnerSeat, agency: AgencySeat, agent: AgentSeat
) -> None:
    with callers() as start:
        with row_held("agencies_agency", agency.id):
            gone = start(lambda: Api().delete(f"/v1/agents/{agent.id}", token=partner.token))
            await_waiting(1)
            reset = start(lambda: Api().post(f"/v1/agents/{agent.id}/reset-access-token", token=partner.token))
            await_waiting(2)
        assert gone.result(PATIENCE).status_code == 204
        assert code(reset.result(PATIENCE)) == "agent_deactivated"
    assert not AgentToken.objects.filter(agent_id=agent.id, revoked_at__isnull=True).exists()


def test_many_new_agents_at_once_are_all_there(partner: PartnerSeat, agency: AgencySeat) -> None:
    answers = at_once(*[lambda n=n: add(partner, agency, email=f"{n}@example.com") for n in range(12)])
    assert statuses(answers) == [201] * 12
    assert Agent.objects.filter(agency_id=agency.id).count() == 13
    assert AuditEntry.objects.filter(action="agent.create", agency_id=agency.id).count() == 13


# --- cut off in the middle ----------------------------------------------------------------------------


def cut_off(start: Any, agency: AgencySeat, act: Any) -> HttpResponse:
    """The database drops the connection while the act waits for the agency's lock, its first rows written."""
    with row_held("agencies_agency", agency.id):
        future = start(act)
        [pid] = await_waiting(1)
        with another_connection() as administrator:
            administrator.execute("SELECT pg_terminate_backend(%s)", [pid])
        return future.result(PATIENCE)


def test_a_lost_connection_is_503_and_nothing_of_the_act_stays(
    partner: PartnerSeat, agency: AgencySeat, pictures_dir: Path
) -> None:
    def act() -> HttpResponse:
        form = {**ANN, "profile_picture": png()}
        return Api().post(f"{agency.path}/agents", token=partner.token, form=form, idempotency_key="k")

    with callers() as start:
        answer = cut_off(start, agency, act)
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    assert Agent.objects.filter(agency_id=agency.id).count() == 1
    assert not AuditEntry.objects.filter(action="agent.create", target_id__gt=str(agency.owner.id)).exists()
    assert list(pictures_dir.rglob("*.png")) == []
    again = act()
    assert (again.status_code, "Idempotency-Replayed" in again.headers) == (201, False)


def test_half_an_agency_is_none(partner: PartnerSeat) -> None:
    """Its row and its link are written when the owner's cannot be."""
    with another_connection() as holder, callers() as start:
        holder.execute("BEGIN")
        holder.execute("LOCK TABLE agents_agent IN SHARE ROW EXCLUSIVE MODE")
        body = {"agency_name": "Half", "email": "h@example.com", "first_name": "Half", "last_name": "Owner"}
        future = start(lambda: Api().post("/v1/agencies", token=partner.token, json=body))
        [pid] = await_waiting(1)
        holder.execute("SELECT pg_terminate_backend(%s)", [pid])
        answer = future.result(PATIENCE)
        holder.execute("ROLLBACK")
    assert answer.status_code == 503
    assert (Agency.objects.count(), AgencyLink.objects.count(), Agent.objects.count()) == (0, 0, 0)
    assert not AuditEntry.objects.filter(action="agency.create").exists()


def test_the_next_request_of_the_same_thread_has_a_connection_again(partner: PartnerSeat, agency: AgencySeat) -> None:
    def both() -> list[int]:
        return [add(partner, agency).status_code, add(partner, agency).status_code]

    with callers() as start, row_held("agencies_agency", agency.id):
        future = start(both)
        [pid] = await_waiting(1)
        with another_connection() as administrator:
            administrator.execute("SELECT pg_terminate_backend(%s)", [pid])
        await_waiting(1)
    assert future.result(PATIENCE) == [503, 201]


def test_a_lock_that_is_never_released_is_not_waited_for_for_ever(
    partner: PartnerSeat, agency: AgencySeat, agent: AgentSeat
) -> None:
    """`lock_timeout`, shortened here: the caller is told to come back."""

    def act() -> HttpResponse:
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '200ms'")
        return Api().delete(f"/v1/agents/{agent.id}", token=partner.token)

    with callers() as start, row_held("agencies_agency", agency.id):
        answer = start(act).result(PATIENCE)
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "unavailable")
    assert Agent.objects.get(pk=agent.id).deactivated_at is None


def test_an_agency_being_changed_holds_up_no_reader(
    api: Api, partner: PartnerSeat, agency: AgencySeat, agent: AgentSeat
) -> None:
    new_agent(partner, agency, "late@example.com")
    with row_held("agencies_agency", agency.id):
        assert api.get("/v1/agents", token=partner.token).status_code == 200
        assert api.get(agency.path, token=agent.token).status_code == 200
