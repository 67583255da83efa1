"""Events: what each act tells, to whom, and that a change and its event are one (contract §7)."""

import json
import socket
import time
from collections.abc import Callable
from copy import deepcopy
from functools import cache
from typing import Any

import pytest
import redis
from celery import current_app
from django.conf import settings as django_settings
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from jsonschema import Draft202012Validator, FormatChecker

from api import doorbell
from api.principals import Consumer
from clients.models import Client
from clients.services.clients import update_client
from tests.answers import data
from tests.clients.conftest import (
    JOE,
    ClientSeat,
    SubmissionSeat,
    new_client,
    new_page,
    new_submission,
    send,
    upload,
)
from tests.conftest import AgencySeat, AgentSeat, Api
from tests.threads import at_once
from tests.webhooks.conftest import WebhookSeat, bodies, change, new_delivery, new_webhook, types
from tests.webhooks.delivery.rows import claim
from webhooks.catalogue import ALL_TYPES, EVENT_TYPES
from webhooks.models import Delivery, Event, Subscription
from webhooks.services import events
from webhooks.services.subscriptions import locked

UPDATED, STATUS = "client.updated", "client.sales-funnel-status-change"
PERSONAL = (*JOE.values(), "Josephine", "Personally", "jo@private.example", "2125559876", "declarations.pdf")


def told() -> list[tuple[str, dict[str, Any]]]:
    """Type and data of every event so far, each held to its schema: nothing missing, nothing more, nobody named."""
    for body in bodies():
        schema_of(body["type"]).validate(body)
        assert len(json.dumps(body)) < 1000
        assert [value for value in PERSONAL if value in json.dumps(body)] == []
    return [(body["type"], body["data"]) for body in bodies()]


@cache
def schema_of(name: str) -> Draft202012Validator:
    [schema] = [deepcopy(one.schema) for one in ALL_TYPES if one.name == name]
    for described in (schema, schema["properties"]["data"]):
        described["additionalProperties"] = False
    return Draft202012Validator(schema, format_checker=FormatChecker())


def patch(api: Api, client: ClientSeat, **values: Any) -> Any:
    return api.patch(client.path, token=client.agent.token, json=values)


def complete(api: Api, submission: SubmissionSeat) -> None:
    assert api.post(f"{submission.path}/complete", token=submission.client.agent.token).status_code == 200


# --- what each act tells --------------------------------------------------------------------------------


def test_a_change_of_the_funnel_status_has_an_event_of_its_own(
    api: Api, agency: AgencySeat, client_seat: ClientSeat
) -> None:
    assert patch(api, client_seat, sales_funnel_status="quoted").status_code == 200
    about = {"version": 1, "agency_id": agency.id, "agent_id": client_seat.agent.id, "client_uuid": client_seat.uuid}
    statuses = {"sales_funnel_status": "quoted", "previous_sales_funnel_status": "new"}
    assert told() == [(STATUS, {**about, "object_revision": 2, **statuses})]


def test_any_other_change_names_the_fields(api: Api, client_seat: ClientSeat) -> None:
    assert patch(api, client_seat, last_name="Personally", email="jo@private.example").status_code == 200
    [(name, facts)] = told()
    assert (name, facts["changed"]) == (UPDATED, ["email", "last_name"])


def test_a_change_of_both_tells_both(api: Api, client_seat: ClientSeat) -> None:
    changes = {"first_name": "Josephine", "last_name": JOE["last_name"], "sales_funnel_status": "won"}
    assert patch(api, client_seat, **changes).status_code == 200
    assert [(name, facts.get("changed")) for name, facts in told()] == [(UPDATED, ["first_name"]), (STATUS, None)]


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, 200),
        ({**JOE, "sales_funnel_status": "new"}, 200),
        ({"first_name": "Josephine", "sales_funnel_status": "sold"}, 422),
        ({"email": "", "phone_number": ""}, 422),
    ],
)
def test_what_changes_nothing_tells_nothing(api: Api, client_seat: ClientSeat, changes: Any, status: int) -> None:
    assert patch(api, client_seat, **changes).status_code == status
    assert told() == []


def test_a_reassigned_client_names_both_agents(
    api: Api, admin_agent: AgentSeat, client_seat: ClientSeat, colleague: AgentSeat
) -> None:
    for to in (client_seat.agent, colleague):  # the first has it already
        path, body = f"{client_seat.path}/reassign", {"agent_id": to.id}
        assert api.post(path, token=admin_agent.token, json=body).status_code == 200
    [(name, facts)] = told()
    assert name == "client.reassigned"
    assert (facts["previous_agent_id"], facts["agent_id"]) == (client_seat.agent.id, colleague.id)


def test_a_client_given_to_nobody_tells_nothing(
    api: Api, admin_agent: AgentSeat, client_seat: ClientSeat, foreign_agent: AgentSeat
) -> None:
    body = {"agent_id": foreign_agent.id}
    assert api.post(f"{client_seat.path}/reassign", token=admin_agent.token, json=body).status_code == 422
    assert told() == []


def test_an_upload_tells_of_the_page(api: Api, submission: SubmissionSeat) -> None:
    page = new_page(api, submission)
    assert send(api, submission, upload(b"not a page")).status_code == 422
    [(name, facts)] = told()
    assert name == "client-submission.declaration-page-upload"
    assert (facts["declaration_page_uuid"], facts["submission_uuid"]) == (page.uuid, submission.uuid)
    stored = data(api.get(page.path, token=submission.client.agent.token))
    assert (facts["content_type"], facts["size"]) == (stored["content_type"], stored["size"])


def test_a_completed_submission_tells_what_it_has_once(api: Api, client_seat: ClientSeat) -> None:
    submission = new_submission(api, client_seat, insurance_types=["home", "auto"])
    for _ in range(2):
        new_page(api, submission)
    complete(api, submission)
    complete(api, submission)
    name, facts = told()[-1]
    assert (name, len(told())) == ("client-submission.complete", 3)
    assert (facts["insurance_types"], facts["declaration_pages"]) == (["auto", "home"], 2)
    assert (facts["client_uuid"], facts["submission_uuid"]) == (client_seat.uuid, submission.uuid)


def test_what_the_catalogue_does_not_name_tells_nothing(api: Api, submission: SubmissionSeat) -> None:
    client = submission.client
    page = new_page(api, submission)
    Event.objects.all().delete()
    calls = [
        ("PATCH", submission.path, {"insurance_types": ["life"]}, 200),
        ("PATCH", page.path, {"carrier": "New"}, 200),
        ("DELETE", page.path, None, 204),
        ("POST", f"{client.path}/destroy", None, 204),
    ]
    for method, path, body, status in calls:
        assert api.call(method, path, token=client.agent.token, json=body).status_code == status
    new_client(api, client.agent)
    assert told() == []


def test_a_test_event_is_as_described(api: Api, webhook: WebhookSeat) -> None:
    new_delivery(api, webhook)
    assert [name for name, _ in told()] == ["webhook.test"]


def test_an_event_tells_when_and_about_what(api: Api, agency: AgencySeat, client_seat: ClientSeat) -> None:
    patch(api, client_seat, sales_funnel_status="lost")
    [event] = Event.objects.all()
    assert (event.type, event.agency_id, str(event.object_id), event.object_revision) == (
        STATUS, agency.id, client_seat.uuid, 2,
    )  # fmt: skip
    [body] = bodies()
    assert body["timestamp"].endswith("Z")


# --- in which order ---------------------------------------------------------------------------------------


def test_revisions_of_one_thing_grow_with_each_change(
    api: Api, admin_agent: AgentSeat, submission: SubmissionSeat, colleague: AgentSeat
) -> None:
    client = submission.client
    for status in ("contacted", "quoted", "won"):
        patch(api, client, sales_funnel_status=status)
    patch(api, client, first_name="Josephine", sales_funnel_status="lost")  # one change, two events
    new_page(api, submission)
    complete(api, submission)
    api.post(f"{client.path}/reassign", token=admin_agent.token, json={"agent_id": colleague.id})
    revisions: dict[str, list[int]] = {}
    for _, facts in told():
        revisions.setdefault(facts.get("submission_uuid", facts["client_uuid"]), []).append(facts["object_revision"])
    assert revisions == {client.uuid: [2, 3, 4, 5, 5, 6], submission.uuid: [2, 3]}


@pytest.mark.django_db(transaction=True)
def test_so_do_those_of_changes_at_once(client_seat: ClientSeat) -> None:
    changes = [{"first_name": "Josephine"}, {"last_name": "Personally"}, {"sales_funnel_status": "won"}]
    at_once(*[lambda values=values: patch(Api(), client_seat, **values) for values in changes])
    assert sorted(facts["object_revision"] for _, facts in told()) == [2, 3, 4]


# --- a change and its event are one -----------------------------------------------------------------------


def test_a_change_that_is_rolled_back_leaves_no_event(webhook: WebhookSeat, client_seat: ClientSeat) -> None:
    client = Client.objects.get(pk=client_seat.uuid)
    values = {"first_name": "Josephine", "sales_funnel_status": "won"}
    with transaction.atomic():
        update_client(actor=Consumer(), client=client, values=values)
        assert (len(types()), Delivery.objects.count()) == (2, 2)
        transaction.set_rollback(True)
    assert (types(), Delivery.objects.count()) == ([], 0)


def test_an_event_that_cannot_be_recorded_undoes_the_change(
    api: Api, client_seat: ClientSeat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "MAX_BODY", 10)
    assert patch(api, client_seat, first_name="Josephine").status_code == 500
    assert Client.objects.get().first_name == JOE["first_name"]
    assert types() == []


def queued() -> int:
    """How many doorbells lie in the broker."""
    with redis.Redis.from_url(django_settings.REDIS_URL) as broker:
        return broker.llen(events.QUEUE)


def test_workers_are_told_after_the_commit_once_and_only_of_what_is_due(
    api: Api,
    webhook: WebhookSeat,
    client_seat: ClientSeat,
    django_capture_on_commit_callbacks: Callable[..., Any],
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        for status in ("contacted", "quoted"):
            patch(api, client_seat, sales_funnel_status=status)
        assert queued() == 0
    assert queued() == 1
    events.heard()
    change(api, webhook, status="disabled")
    with django_capture_on_commit_callbacks(execute=True):
        patch(api, client_seat, sales_funnel_status="won")
    assert queued() == 1


def test_where_the_mark_cannot_be_kept_it_rings_once_too_often(
    api: Api,
    webhook: WebhookSeat,
    client_seat: ClientSeat,
    settings: Any,
    django_capture_on_commit_callbacks: Callable[..., Any],
) -> None:
    away = {**settings.CACHES["marks"], "LOCATION": "redis://127.0.0.1:1/0"}
    settings.CACHES = {**settings.CACHES, "marks": away}
    with django_capture_on_commit_callbacks(execute=True):
        for status in ("contacted", "quoted"):
            assert patch(api, client_seat, sales_funnel_status=status).status_code == 200
    assert queued() == 2
    events.heard()


@pytest.mark.django_db(transaction=True)
def test_a_server_that_leaves_the_broker_in_peace_keeps_no_other_from_ringing(
    api: Api, webhook: WebhookSeat, client_seat: ClientSeat, monkeypatch: pytest.MonkeyPatch
) -> None:
    for pause_until in (time.monotonic() + 60, 0.0):
        monkeypatch.setattr(doorbell, "_pause_until", pause_until)
        patch(api, client_seat, first_name=f"Joe {pause_until}")
    assert queued() == 1
    events.heard()


@pytest.mark.django_db(transaction=True)
def test_a_broker_that_hangs_holds_up_one_change_for_a_moment(
    api: Api, webhook: WebhookSeat, client_seat: ClientSeat, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as hangs:
        place = f"redis://127.0.0.1:{hangs.getsockname()[1]}/0"
        settings.CACHES = {**settings.CACHES, "marks": {**settings.CACHES["marks"], "LOCATION": place}}
        monkeypatch.setattr(current_app.conf, "broker_write_url", place)
        monkeypatch.setattr(doorbell, "broker", doorbell.broker.__wrapped__)  # which keeps where the broker was
        begun = time.monotonic()
        for name in ("Josephine", "Jim", "Joe"):
            assert patch(api, client_seat, first_name=name).status_code == 200
        assert time.monotonic() - begun < 2.5
    assert doorbell.is_paused()


@pytest.mark.django_db(transaction=True)
def test_a_worker_that_passed_by_a_webhook_while_it_was_changed_is_told_again(
    api: Api, webhook: WebhookSeat, client_seat: ClientSeat
) -> None:
    patch(api, client_seat, sales_funnel_status="quoted")
    with transaction.atomic():
        locked(Subscription.objects.get(pk=webhook.uuid))
        events.heard()
        assert claim() == []
        rung = queued()
    assert queued() == rung + 1
    assert claim()
    events.heard()


# --- who is told ------------------------------------------------------------------------------------------


def test_a_webhook_gets_the_events_of_its_agency_that_it_names(
    api: Api, admin_agent: AgentSeat, foreign_agent: AgentSeat, submission: SubmissionSeat
) -> None:
    wanted: dict[str, list[str]] = {
        new_webhook(api, admin_agent, events=asked).uuid: expected
        for asked, expected in (
            (["*"], ["client-submission.complete", STATUS, UPDATED]),
            (["client.updated"], [UPDATED]),
            (["client.updated", "client-submission.complete"], ["client-submission.complete", UPDATED]),
            (["client.reassigned"], []),
        )
    }
    theirs = new_webhook(api, foreign_agent)
    patch(api, submission.client, first_name="Josephine", sales_funnel_status="won")
    complete(api, submission)
    patch(api, new_client(api, foreign_agent), sales_funnel_status="lost")
    got: dict[str, list[str]] = {uuid: [] for uuid in (*wanted, theirs.uuid)}
    for one in Delivery.objects.select_related("event").order_by("event__type"):
        got[str(one.subscription_id)].append(one.event.type)
    assert got == {**wanted, theirs.uuid: [STATUS]}


def test_each_type_can_be_asked_for_by_itself(
    api: Api, admin_agent: AgentSeat, submission: SubmissionSeat, colleague: AgentSeat
) -> None:
    by_type = {new_webhook(api, admin_agent, events=[one.name]).uuid: one.name for one in EVENT_TYPES}
    patch(api, submission.client, first_name="Josephine", sales_funnel_status="won")
    new_page(api, submission)
    complete(api, submission)
    api.post(f"{submission.client.path}/reassign", token=admin_agent.token, json={"agent_id": colleague.id})
    got = Delivery.objects.values_list("subscription_id", "event__type")
    assert sorted((by_type[str(pk)], name) for pk, name in got) == sorted((n, n) for n in by_type.values())


def test_a_disabled_webhook_has_its_events_held_and_a_deleted_one_has_none(
    api: Api, admin_agent: AgentSeat, client_seat: ClientSeat
) -> None:
    enabled, disabled, deleted = (new_webhook(api, admin_agent) for _ in range(3))
    change(api, disabled, status="disabled")
    api.delete(deleted.path, token=admin_agent.token)
    patch(api, client_seat, sales_funnel_status="won")
    states = {str(one.subscription_id): one.state for one in Delivery.objects.all()}
    assert states == {enabled.uuid: "pending", disabled.uuid: "held"}


# --- what it costs ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("webhooks", "more"), [(0, 2), (1, 3), (6, 3)])
def test_an_event_costs_at_most_three_queries_however_many_listen(
    api: Api, admin_agent: AgentSeat, client_seat: ClientSeat, webhooks: int, more: int
) -> None:
    """For an event, whoever listens: the event, who wants it, their deliveries."""
    for _ in range(webhooks):
        new_webhook(api, admin_agent)
    silent = 8  # the caller, its agent, the client; begin, the client locked, saved, audit, commit
    with CaptureQueriesContext(connection) as captured:
        patch(api, client_seat, first_name="Josephine")
    assert len(captured) == silent + more, [one["sql"][:150] for one in captured]
