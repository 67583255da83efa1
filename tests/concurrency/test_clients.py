"""Clients, what they send and the public page: two at once of different kinds, in both orders where that matters."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.http import HttpResponse

from clients.models import Client, DeclarationPage, Submission
from tests.admin.conftest import Desk
from tests.answers import code, faults
from tests.clients.conftest import FILLED, ClientSeat, PageSeat, SubmissionSeat, begin, send, upload
from tests.clients.visitor import Visitor
from tests.conftest import AgencySeat, AgentSeat, Api, PartnerSeat
from tests.threads import PATIENCE, at_once, await_waiting, callers, in_turn, row_held
from webhooks.models import Event

pytestmark = pytest.mark.django_db(transaction=True)


def post(client: ClientSeat, act: str, **body: Any) -> HttpResponse:
    return Api().post(f"{client.path}/{act}", token=client.agent.token, json=body or None)


def rename(client: ClientSeat, name: str) -> HttpResponse:
    return Api().patch(client.path, token=client.agent.token, json={"first_name": name})


# --- given to another agent ---------------------------------------------------------------------------


def test_what_an_agent_sends_for_a_client_that_it_is_losing_is_refused(
    client_seat: ClientSeat, colleague: AgentSeat
) -> None:
    given, renamed = in_turn(
        lambda: post(client_seat, "reassign", agent_id=colleague.id), lambda: rename(client_seat, "Jim")
    )
    assert (given.status_code, code(renamed)) == (200, "not_found")
    row = Client.objects.get()
    assert (row.agent_id, row.first_name) == (colleague.id, "Joe")


def test_what_it_sent_first_goes_with_the_client(client_seat: ClientSeat, colleague: AgentSeat) -> None:
    answers = in_turn(lambda: rename(client_seat, "Jim"), lambda: post(client_seat, "reassign", agent_id=colleague.id))
    assert [answer.status_code for answer in answers] == [200, 200]
    row = Client.objects.get()
    assert (row.agent_id, row.first_name, row.revision) == (colleague.id, "Jim", 3)


def test_a_consumer_who_corrects_the_form_meanwhile_is_not_turned_away(
    visitor: Visitor, agent: AgentSeat, colleague: AgentSeat
) -> None:
    visitor.open(f"/{agent.slug}")
    form = {**visitor.form.values, **FILLED}
    path = visitor.path
    visitor.post(form)
    client = ClientSeat(str(Client.objects.get().pk), agent)

    def correct() -> HttpResponse:
        visitor.path = path
        return visitor.post({**form, "first_name": "Jim"})

    with callers() as start:
        with row_held("clients_client", client.uuid):
            giving = start(lambda: post(client, "reassign", agent_id=colleague.id))
            await_waiting(1)
            correcting = start(correct)
            await_waiting(2)
        given, corrected = giving.result(PATIENCE), correcting.result(PATIENCE)
    assert (given.status_code, corrected.status_code) == (200, 200)
    row = Client.objects.get()
    assert (row.agent_id, row.first_name) == (colleague.id, "Jim")


def test_an_administrator_who_edits_it_meanwhile_is_not_turned_away(
    desk: Desk, client_seat: ClientSeat, colleague: AgentSeat
) -> None:
    path = f"clients/client/{client_seat.uuid}/change/"
    form = {"first_name": "Jim", "last_name": "Consumer", "email": "joe@home.example", "sales_funnel_status": "new"}
    given, edited = in_turn(
        lambda: post(client_seat, "reassign", agent_id=colleague.id), lambda: desk.post(path, **form)
    )
    assert (given.status_code, edited.status_code) == (200, 302)
    row = Client.objects.get()
    assert (row.agent_id, row.first_name) == (colleague.id, "Jim")


def test_nobody_gets_a_client_who_is_deactivated_meanwhile(
    partner: PartnerSeat, client_seat: ClientSeat, colleague: AgentSeat
) -> None:
    gone, given = in_turn(
        lambda: Api().delete(f"/v1/agents/{colleague.id}", token=partner.token),
        lambda: post(client_seat, "reassign", agent_id=colleague.id),
    )
    assert (gone.status_code, faults(given)) == (204, {"agent_id": "not_an_active_agent"})
    assert Client.objects.get().agent_id == client_seat.agent.id


def test_nor_makes_one(partner: PartnerSeat, agency: AgencySeat, agent: AgentSeat) -> None:
    body = {"first_name": "Jane", "last_name": "Late", "email": "jane@home.example"}
    gone, made = in_turn(
        lambda: Api().delete(agency.path, token=partner.token),
        lambda: Api().post("/v1/client", token=agent.token, json=body),
    )
    assert (gone.status_code, faults(made)) == (204, {"agent_id": "not_an_active_agent"})
    assert not Client.objects.exists()


ACTS: dict[str, tuple[Callable[[Api, PageSeat, str], HttpResponse], int]] = {
    "change": (lambda api, page, token: api.patch(page.submission.path, token=token, json={"answers": {}}), 200),
    "complete": (lambda api, page, token: api.post(f"{page.submission.path}/complete", token=token), 200),
    "upload": (lambda api, page, _: send(api, page.submission, upload()), 201),
    "correct": (lambda api, page, token: api.patch(page.path, token=token, json={"carrier": "Other"}), 200),
    "remove": (lambda api, page, token: api.delete(page.path, token=token), 204),
}
"""What is done with what a client sent, and the answer."""


@pytest.mark.parametrize("act", ACTS)
def test_what_a_client_sent_is_not_changed_by_an_agent_that_is_losing_it(
    page: PageSeat, colleague: AgentSeat, declaration_pages_dir: Path, act: str
) -> None:
    client, (change, _) = page.submission.client, ACTS[act]
    before = rows_and_files(declaration_pages_dir)
    given, refused = in_turn(
        lambda: post(client, "reassign", agent_id=colleague.id), lambda: change(Api(), page, client.agent.token)
    )
    assert (given.status_code, refused.status_code, code(refused)) == (200, 404, "not_found")
    assert rows_and_files(declaration_pages_dir) == before


@pytest.mark.parametrize("act", ACTS)
def test_what_it_changed_first_goes_with_the_client(
    page: PageSeat, colleague: AgentSeat, declaration_pages_dir: Path, act: str
) -> None:
    client, (change, status) = page.submission.client, ACTS[act]
    before = rows_and_files(declaration_pages_dir)
    changed, given = in_turn(
        lambda: change(Api(), page, client.agent.token), lambda: post(client, "reassign", agent_id=colleague.id)
    )
    assert (changed.status_code, given.status_code) == (status, 200)
    assert Client.objects.get().agent_id == colleague.id
    assert rows_and_files(declaration_pages_dir) != before


def test_a_consumer_who_finishes_meanwhile_is_not_turned_away(
    visitor: Visitor, agent: AgentSeat, colleague: AgentSeat
) -> None:
    """And the agent who gets the client is told."""
    begin(visitor, agent)
    client = ClientSeat(str(Client.objects.get().pk), agent)
    given, finished = in_turn(lambda: post(client, "reassign", agent_id=colleague.id), lambda: visitor.send("finish"))
    assert (given.status_code, finished.status_code) == (200, 200)
    assert Submission.objects.get().completed_at
    told = Event.objects.get(type="client-submission.complete")
    assert f'"agent_id":{colleague.id},' in bytes(told.body).decode()


def rows_and_files(directory: Path) -> list[Any]:
    files = sorted(str(one) for one in directory.rglob("*") if one.is_file())
    return [files, list(Submission.objects.values()), list(DeclarationPage.objects.order_by("pk").values())]


# --- destroyed ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", ["upload first", "destroy first"])
def test_no_file_outlives_its_client(
    client_seat: ClientSeat, submission: SubmissionSeat, declaration_pages_dir: Any, order: str
) -> None:
    acts = [lambda: send(Api(), submission, upload()), lambda: post(client_seat, "destroy")]
    answers = in_turn(*(acts if order == "upload first" else acts[::-1]))
    assert [answer.status_code for answer in answers] == ([201, 204] if order == "upload first" else [204, 404])
    assert (Client.objects.count(), Submission.objects.count(), DeclarationPage.objects.count()) == (0, 0, 0)
    assert [one for one in declaration_pages_dir.rglob("*") if one.is_file()] == []


@pytest.mark.parametrize("order", ["reassign first", "destroy first"])
def test_a_client_is_given_away_or_destroyed(client_seat: ClientSeat, colleague: AgentSeat, order: str) -> None:
    acts = [lambda: post(client_seat, "reassign", agent_id=colleague.id), lambda: post(client_seat, "destroy")]
    answers = in_turn(*(acts if order == "reassign first" else acts[::-1]))
    assert [answer.status_code for answer in answers] == ([200, 404] if order == "reassign first" else [204, 404])
    assert [one.agent_id for one in Client.objects.all()] == ([colleague.id] if order == "reassign first" else [])


# --- submissions ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", ["upload first", "complete first"])
def test_a_complete_submission_has_what_its_event_says(submission: SubmissionSeat, order: str) -> None:
    token = submission.client.agent.token
    acts = [
        lambda: send(Api(), submission, upload()),
        lambda: Api().post(f"{submission.path}/complete", token=token),
    ]
    answers = in_turn(*(acts if order == "upload first" else acts[::-1]))
    pages = 1 if order == "upload first" else 0
    assert [answer.status_code for answer in answers] == ([201, 200] if pages else [200, 422])
    assert DeclarationPage.objects.count() == pages
    told = Event.objects.get(type="client-submission.complete")
    assert f'"declaration_pages":{pages}' in bytes(told.body).decode()


# --- the public page ---------------------------------------------------------------------------------------


def test_a_form_sent_by_two_clicks_begins_once(visitor: Visitor, agent: AgentSeat) -> None:
    visitor.open(f"/{agent.slug}")
    form = {**visitor.form.values, **FILLED}
    clicks = [Visitor(browser=visitor.browser, path=visitor.path) for _ in range(2)]
    answers = in_turn(*[lambda one=one: one.post(form) for one in clicks])
    assert [answer.status_code for answer in answers] == [200, 200]
    assert (Client.objects.count(), Submission.objects.count()) == (1, 1)


def test_two_windows_that_finish_at_once_finish_once(visitor: Visitor, agent: AgentSeat) -> None:
    begin(visitor, agent)
    form = {**visitor.form.values, "act": ["finish"]}
    windows = [Visitor(browser=visitor.browser, path=visitor.path) for _ in range(4)]
    answers = at_once(*[lambda one=one: one.post(form) for one in windows])
    assert {answer.status_code for answer in answers} == {200}
    assert Event.objects.filter(type="client-submission.complete").count() == 1
    assert Submission.objects.get().completed_at


def test_a_form_that_comes_when_its_agent_is_going_makes_nothing(
    partner: PartnerSeat, visitor: Visitor, agent: AgentSeat
) -> None:
    visitor.open(f"/{agent.slug}")
    gone, sent = in_turn(
        lambda: Api().delete(f"/v1/agents/{agent.id}", token=partner.token), lambda: visitor.send(**FILLED)
    )
    assert (gone.status_code, sent.status_code) == (204, 404)
    assert "no longer takes requests" in visitor.text
    assert not Client.objects.exists()


def test_a_consumer_whose_client_is_destroyed_meanwhile_leaves_nothing(
    visitor: Visitor, agent: AgentSeat, declaration_pages_dir: Any
) -> None:
    begin(visitor, agent)
    client = ClientSeat(str(Client.objects.get().pk), agent)
    form = {**visitor.form.values, "act": ["upload"], "files": [upload()]}
    destroyed, sent = in_turn(lambda: post(client, "destroy"), lambda: visitor.post(form))
    assert (destroyed.status_code, sent.status_code) == (204, 404)
    assert (Client.objects.count(), DeclarationPage.objects.count()) == (0, 0)
    assert [one for one in declaration_pages_dir.rglob("*") if one.is_file()] == []
