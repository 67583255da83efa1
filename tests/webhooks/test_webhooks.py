"""Webhooks: created, listed, changed, deleted (contract §7)."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test.utils import CaptureQueriesContext
from jsonschema import Draft202012Validator, FormatChecker

from audit.models import AuditEntry
from tests.answers import code, data, faults
from tests.conftest import AgencySeat, AgentSeat, Api, new_agent
from tests.described import assert_as_described
from tests.threads import PATIENCE, at_once, await_waiting, callers, row_held
from tests.webhooks.conftest import WEBHOOK, WebhookSeat, bodies, change, new_delivery, new_webhook
from webhooks.catalogue import EVENT_TYPES
from webhooks.models import Delivery, Subscription

MOST = 50
PUBLIC = "https://1.1.1.1/hook"


def shown(api: Api, webhook: WebhookSeat) -> dict[str, Any]:
    return data(api.get(webhook.path, token=webhook.admin.token))


def create(api: Api, admin: AgentSeat, **changes: Any) -> HttpResponse:
    return api.post("/v1/webhooks", token=admin.token, json={**WEBHOOK, **changes})


def many(agency: AgencySeat, count: int) -> list[Subscription]:
    return Subscription.objects.bulk_create(
        Subscription(agency_id=agency.id, url=f"https://hooks.example/{n}", events=["*"]) for n in range(count)
    )


# --- created ----------------------------------------------------------------------------------------


def test_a_new_webhook_comes_with_its_secret(api: Api, admin_agent: AgentSeat) -> None:
    answer = create(api, admin_agent)
    assert answer.status_code == 201
    assert_as_described(answer, "createWebhook")
    made = data(answer)
    assert WEBHOOK.items() <= made.items()
    assert (made["status"], made["disabled_reason"], made["failing_since"]) == ("enabled", None, None)
    secret = made.pop("secret")
    assert secret.startswith("whsec_")
    assert len(base64.b64decode(secret.removeprefix("whsec_"), validate=True)) == 32
    assert answer.headers["Location"] == f"/v1/webhooks/{made['uuid']}"
    assert data(api.get(answer.headers["Location"], token=admin_agent.token)) == made


def test_the_secret_is_shown_nowhere_else(api: Api, webhook: WebhookSeat) -> None:
    answers = [
        api.get(webhook.path, token=webhook.admin.token),
        api.get("/v1/webhooks", token=webhook.admin.token),
        change(api, webhook, description="Changed"),
        api.get(new_delivery(api, webhook).path, token=webhook.admin.token),
    ]
    for answer in answers:
        assert data(answer)
        assert b"whsec_" not in answer.content
        assert b'"secret' not in answer.content


def test_a_description_may_be_left_out(api: Api, admin_agent: AgentSeat) -> None:
    answer = api.post("/v1/webhooks", token=admin_agent.token, json={"url": WEBHOOK["url"], "events": ["*"]})
    assert data(answer)["description"] == ""


def test_what_is_not_the_callers_to_say_is_passed_over(api: Api, admin_agent: AgentSeat, agency: AgencySeat) -> None:
    more = {"secret": "whsec_mine", "agency_id": 1, "uuid": "mine", "status": "disabled", "cap": 500}
    made = data(create(api, admin_agent, **more))
    assert (made["status"], made["secret"] == "whsec_mine", made["uuid"] == "mine") == ("enabled", False, False)
    assert Subscription.objects.get().agency_id == agency.id


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"url": None}, {"url": "null"}),
        ({"url": ""}, {"url": "blank"}),
        ({"url": ["https://a.example"]}, {"url": "invalid"}),
        ({"url": f"https://a.example/{'x' * 2000}"}, {"url": "max_length"}),
        ({"url": "https://a.example/\0"}, {"url": "null_characters_not_allowed"}),
        ({"events": None}, {"events": "null"}),
        ({"events": []}, {"events": "min_length"}),
        ({"events": "client.updated"}, {"events": "not_a_list"}),
        ({"events": ["client.updated", "client.deleted"]}, {"events.1": "invalid_choice"}),
        ({"events": ["webhook.test"]}, {"events.0": "invalid_choice"}),
        ({"events": [["*"], None]}, {"events.0": "invalid_choice", "events.1": "null"}),
        ({"events": ["*"] * 51}, {"events": "max_length"}),
        ({"events": ["nothing"] * 51}, {"events": "max_length"}),
        ({"description": "x" * 201}, {"description": "max_length"}),
        ({"description": None}, {"description": "null"}),
        ({"url": "", "events": []}, {"url": "blank", "events": "min_length"}),
    ],
)  # fmt: skip
def test_what_is_not_valid_is_named(api: Api, admin_agent: AgentSeat, changes: Any, expected: dict[str, str]) -> None:
    assert faults(create(api, admin_agent, **changes)) == expected
    assert not Subscription.objects.exists()


def test_url_and_events_are_needed(api: Api, admin_agent: AgentSeat) -> None:
    answer = api.post("/v1/webhooks", token=admin_agent.token, json={})
    assert faults(answer) == {"url": "required", "events": "required"}


NOT_OUTWARD = {
    "http://1.1.1.1/hook": {"url": "scheme"},
    "ftp://1.1.1.1/hook": {"url": "scheme"},
    "1.1.1.1/hook": {"url": "invalid"},
    "https://": {"url": "invalid"},
    "https://ann:secret@1.1.1.1/hook": {"url": "user_info"},
    "https://ann@1.1.1.1/hook": {"url": "user_info"},
    "https://1.1.1.1/hook#part": {"url": "invalid"},
    "https://1.1.1.1/a hook": {"url": "invalid"},
    "https://1.1.1.1:99999/hook": {"url": "invalid"},
    "https://2130706433/hook": {"url": "invalid"},
    "https://0x7f.1/hook": {"url": "invalid"},
    "https://127.0.0.1/hook": {"url": "inward"},
    "https://10.1.2.3/hook": {"url": "inward"},
    "https://169.254.169.254/latest/meta-data": {"url": "inward"},
    "https://[::1]/hook": {"url": "inward"},
    "https://[::ffff:10.0.0.1]/hook": {"url": "inward"},
    "https://[64:ff9b::7f00:1]/hook": {"url": "inward"},
    "https://localhost/hook": {"url": "inward"},
    "https://metadata.google.internal/hook": {"url": "inward"},
}


def test_a_url_leads_outward_by_https(api: Api, admin_agent: AgentSeat, settings: Any) -> None:
    settings.WEBHOOKS_ALLOW_PRIVATE_ADDRESSES = False
    assert {url: faults(create(api, admin_agent, url=url)) for url in NOT_OUTWARD} == NOT_OUTWARD
    assert not Subscription.objects.exists()
    webhook = new_webhook(api, admin_agent, url=PUBLIC)
    assert {url: faults(change(api, webhook, url=url)) for url in NOT_OUTWARD} == NOT_OUTWARD
    assert shown(api, webhook)["url"] == PUBLIC


@pytest.mark.parametrize("url", [PUBLIC, "HTTPS://1.1.1.1:8443/a?b=c", "https://[2606:4700:4700::1111]/hook"])
def test_one_that_does_is_kept_as_it_is(api: Api, admin_agent: AgentSeat, settings: Any, url: str) -> None:
    settings.WEBHOOKS_ALLOW_PRIVATE_ADDRESSES = False
    assert shown(api, new_webhook(api, admin_agent, url=url))["url"] == url


def test_in_local_trials_it_may_lead_to_this_machine(api: Api, admin_agent: AgentSeat) -> None:
    assert create(api, admin_agent, url="http://127.0.0.1:9000/hook").status_code == 201


@pytest.mark.parametrize(
    ("asked", "kept"),
    [
        (["client.updated", "client.reassigned", "client.updated"], ["client.reassigned", "client.updated"]),
        (["client.updated", "*"], ["*"]),
        (["*", "*"], ["*"]),
        ([one.name for one in reversed(EVENT_TYPES)], [one.name for one in EVENT_TYPES]),
    ],
)
def test_events_are_kept_once_each_in_the_catalogues_order(
    api: Api, admin_agent: AgentSeat, asked: list[str], kept: list[str]
) -> None:
    webhook = new_webhook(api, admin_agent, events=asked)
    assert shown(api, webhook)["events"] == kept
    assert data(change(api, webhook, events=["client.updated"]))["events"] == ["client.updated"]
    assert data(change(api, webhook, events=asked))["events"] == kept


# --- so many and no more ------------------------------------------------------------------------------


def test_an_agency_has_so_many_and_no_more(api: Api, agency: AgencySeat, foreign_agent: AgentSeat) -> None:
    many(agency, MOST - 1)
    last = new_webhook(api, agency.owner)
    refused = create(api, agency.owner)
    assert (refused.status_code, code(refused)) == (422, "too_many_webhooks")
    assert create(api, foreign_agent).status_code == 201
    assert api.delete(last.path, token=agency.owner.token).status_code == 204
    assert create(api, agency.owner).status_code == 201


@pytest.mark.django_db(transaction=True)
def test_two_at_once_do_not_pass_the_limit(agency: AgencySeat) -> None:
    many(agency, MOST - 1)
    answers = at_once(*[lambda: create(Api(), agency.owner)] * 3)
    assert sorted(answer.status_code for answer in answers) == [201, 422, 422]
    assert Subscription.objects.count() == MOST


def test_the_same_call_again_gets_the_same_secret_and_no_second_webhook(api: Api, admin_agent: AgentSeat) -> None:
    first, again = (
        api.post("/v1/webhooks", token=admin_agent.token, json=WEBHOOK, idempotency_key="one") for _ in range(2)
    )
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.json() == first.json()
    assert Subscription.objects.count() == 1


# --- listed -------------------------------------------------------------------------------------------


def test_webhooks_are_a_page(api: Api, admin_agent: AgentSeat, agent: AgentSeat, foreign_agent: AgentSeat) -> None:
    mine = [new_webhook(api, admin_agent).uuid for _ in range(3)]
    new_webhook(api, foreign_agent)
    with CaptureQueriesContext(connection) as captured:
        answer = api.get("/v1/webhooks?perPage=2", token=agent.token)
    assert len(captured) == 3  # the caller; how many and which, these
    assert "secrets" not in captured[-1]["sql"]
    assert_as_described(answer, "listWebhooks")
    assert [one["uuid"] for one in data(answer)] == mine[:2]
    assert answer.json()["meta"]["total"] == 3
    rest = api.get(answer.json()["links"]["next"].removeprefix("http://testserver"), token=agent.token)
    assert [one["uuid"] for one in data(rest)] == mine[2:]


# --- changed ------------------------------------------------------------------------------------------


def test_a_change_changes_what_it_names(api: Api, webhook: WebhookSeat) -> None:
    before = shown(api, webhook)
    changes = {"url": "https://other.example/hook", "events": ["client.updated"], "description": ""}
    answer = change(api, webhook, **changes)
    assert_as_described(answer, "updateWebhook")
    after = data(answer)
    assert after == shown(api, webhook)
    assert {**before, **changes, "updated_at": after["updated_at"]} == after
    assert after["updated_at"] > before["updated_at"]
    assert AuditEntry.objects.get(action="webhook.update").facts == {"changed": ["description", "events", "url"]}


def test_one_that_changes_nothing_leaves_no_trace(api: Api, webhook: WebhookSeat) -> None:
    before = shown(api, webhook)
    assert data(change(api, webhook, **WEBHOOK, status="enabled")) == before
    assert data(change(api, webhook)) == before
    assert not AuditEntry.objects.filter(action="webhook.update").exists()


def test_it_is_disabled_and_enabled(api: Api, webhook: WebhookSeat) -> None:
    waiting = new_delivery(api, webhook)
    disabled = data(change(api, webhook, status="disabled"))
    assert (disabled["status"], disabled["disabled_reason"]) == ("disabled", "requested")
    assert waiting.row.state == Delivery.State.HELD
    enabled = data(change(api, webhook, status="enabled"))
    assert (enabled["status"], enabled["disabled_reason"]) == ("enabled", None)
    assert waiting.row.state == Delivery.State.HELD  # until it is recovered
    assert faults(change(api, webhook, status="paused")) == {"status": "invalid_choice"}


@pytest.mark.parametrize(
    ("changes", "afresh"),
    [({"url": "https://repaired.example/hook"}, True), ({"description": "x"}, False), ({"events": ["*"]}, False)],
)
def test_with_another_address_it_begins_afresh(
    api: Api, webhook: WebhookSeat, changes: dict[str, Any], afresh: bool
) -> None:
    """What failed at the address before says nothing of the new one."""
    Subscription.objects.update(cap=1, failures_in_row=7, breaker_trips=2, failing_since="2026-01-01T00:00:00Z")
    assert (data(change(api, webhook, **changes))["failing_since"] is None) is afresh
    row = webhook.row
    assert (row.cap, row.failures_in_row, row.breaker_trips) == ((2, 0, 0) if afresh else (1, 7, 2))


@pytest.mark.django_db(transaction=True)
def test_two_changes_of_different_fields_both_stay(webhook: WebhookSeat) -> None:
    with callers() as start:
        with row_held("webhooks_subscription", webhook.uuid):
            futures = [
                start(lambda: change(Api(), webhook, description="New")),
                start(lambda: change(Api(), webhook, events=["client.updated"])),
            ]
            await_waiting(2)
        assert [future.result(PATIENCE).status_code for future in futures] == [200, 200]
    assert (webhook.row.description, webhook.row.events) == ("New", ["client.updated"])


# --- deleted ------------------------------------------------------------------------------------------


def test_a_deleted_webhook_is_gone_with_its_secrets(api: Api, webhook: WebhookSeat) -> None:
    waiting = new_delivery(api, webhook)
    assert api.delete(webhook.path, token=webhook.admin.token).status_code == 204
    assert (webhook.row.secrets, waiting.row.state) == ([], Delivery.State.CANCELLED)
    assert waiting.row.finished_at is not None
    calls = [
        ("GET", webhook.path), ("PATCH", webhook.path), ("DELETE", webhook.path), ("POST", f"{webhook.path}/test"),
        ("POST", f"{webhook.path}/rotate-secret"), ("GET", f"{webhook.path}/deliveries"), ("GET", waiting.path),
        ("POST", f"{waiting.path}/retry"),
    ]  # fmt: skip
    assert {api.call(method, path, token=webhook.admin.token, json={}).status_code for method, path in calls} == {404}
    assert data(api.get("/v1/webhooks", token=webhook.admin.token)) == []


@pytest.mark.django_db(transaction=True)
def test_what_waits_for_a_deletion_finds_nothing(webhook: WebhookSeat) -> None:
    acts: list[Callable[[], HttpResponse]] = [
        lambda: Api().delete(webhook.path, token=webhook.admin.token),
        lambda: change(Api(), webhook, description="Late"),
    ]
    with callers() as start:
        futures = []
        with row_held("webhooks_subscription", webhook.uuid):
            for count, act in enumerate(acts, 1):
                futures.append(start(act))
                await_waiting(count)
        assert [future.result(PATIENCE).status_code for future in futures] == [204, 404]
    assert webhook.row.description == WEBHOOK["description"]


# --- tried --------------------------------------------------------------------------------------------


def test_a_test_event_goes_to_this_webhook_alone(api: Api, admin_agent: AgentSeat, agency: AgencySeat) -> None:
    webhook = new_webhook(api, admin_agent, events=["client.updated"])
    new_webhook(api, admin_agent)
    answer = api.post(f"{webhook.path}/test", token=admin_agent.token)
    assert_as_described(answer, "testWebhook")
    assert (data(answer)["event"], data(answer)["status"]) == ("webhook.test", "pending")
    assert [str(one.subscription_id) for one in Delivery.objects.all()] == [webhook.uuid]
    [body] = bodies()
    assert body["data"] == {"version": 1, "agency_id": agency.id, "webhook_uuid": webhook.uuid}


def test_a_disabled_one_is_not_tried(api: Api, webhook: WebhookSeat) -> None:
    change(api, webhook, status="disabled")
    answer = api.post(f"{webhook.path}/test", token=webhook.admin.token)
    assert (answer.status_code, code(answer)) == (422, "webhook_disabled")
    assert not Delivery.objects.exists()


# --- the catalogue ------------------------------------------------------------------------------------


def test_the_catalogue_tells_each_type_with_its_schema(api: Api, agent: AgentSeat) -> None:
    answer = api.get("/v1/webhook-events", token=agent.token)
    assert_as_described(answer, "listWebhookEvents")
    assert [one["name"] for one in data(answer)] == [
        "client-submission.complete",
        "client-submission.declaration-page-upload",
        "client.reassigned",
        "client.updated",
        "client.sales-funnel-status-change",
        "webhook.test",
    ]
    for one in data(answer):
        Draft202012Validator.check_schema(one["schema"])
        Draft202012Validator(one["schema"], format_checker=FormatChecker()).validate(one["example"])
        assert one["example"]["type"] == one["name"]


# --- what is kept and what is not ---------------------------------------------------------------------


def test_the_audit_trail_tells_each_act_and_no_secret(api: Api, agency: AgencySeat, admin_agent: AgentSeat) -> None:
    last = AuditEntry.objects.latest("id").pk
    secret_url = "https://hooks.example/in?token=a-private-token"
    webhook = new_webhook(api, admin_agent, url=secret_url)
    delivery = new_delivery(api, webhook)
    api.post(f"{delivery.path}/retry", token=admin_agent.token)
    change(api, webhook, description="Personal notes", status="disabled")
    change(api, webhook, status="enabled")
    api.post(f"{webhook.path}/recover", token=admin_agent.token, json={"since": "2026-01-01T00:00:00Z"})
    rotated = data(api.post(f"{webhook.path}/rotate-secret", token=admin_agent.token))["secret"]
    api.delete(webhook.path, token=admin_agent.token)
    entries = AuditEntry.objects.filter(pk__gt=last).order_by("id")
    assert [(one.action, one.facts) for one in entries] == [
        ("webhook.create", {}),
        ("webhook.test", {}),
        ("webhook.retry", {}),
        ("webhook.update", {"changed": ["description", "status"]}),
        ("webhook.update", {"changed": ["status"]}),
        ("webhook.recover", {}),
        ("webhook.rotate_secret", {}),
        ("webhook.delete", {}),
    ]
    assert {(one.actor, one.agency_id) for one in entries} == {(f"agent:{admin_agent.id}", agency.id)}
    assert {one.target_id for one in entries} == {webhook.uuid, delivery.uuid}
    kept = json.dumps(list(entries.values()), default=str)
    for secret in (webhook.secret, rotated, "whsec_", secret_url, "a-private-token", "Personal notes"):
        assert secret not in kept


def test_the_log_holds_no_secret(api: Api, admin_agent: AgentSeat, logged: Callable[[], str]) -> None:
    webhook = new_webhook(api, admin_agent, url="https://hooks.example/in?token=a-private-token")
    rotated = data(api.post(f"{webhook.path}/rotate-secret", token=admin_agent.token))["secret"]
    create(api, admin_agent, url="https://a-private-name:a-private-token@hooks.example/")
    text = logged()
    assert text.count("request_finished") == 3
    for secret in (webhook.secret, rotated, "whsec_", "a-private-token", "a-private-name"):
        assert secret not in text


# --- what it costs ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "body", "queries"),
    [
        ("GET", "", None, 2),  # the caller, the webhook
        ("PATCH", "", {"description": "New"}, 7),  # …; begin, the row locked, saved, audit, commit
        ("PATCH", "", {}, 5),
        ("POST", "/rotate-secret", None, 7),
        ("POST", "/test", None, 8),  # …; begin, event, delivery, audit, commit; the delivery as it is
        ("GET", "/deliveries", None, 4),  # …; how many and which, these
    ],
)
def test_queries_of_one_webhook(
    api: Api, webhook: WebhookSeat, method: str, path: str, body: Any, queries: int
) -> None:
    new_delivery(api, webhook)
    with CaptureQueriesContext(connection) as captured:
        assert api.call(method, f"{webhook.path}{path}", token=webhook.admin.token, json=body).status_code == 200
    assert len(captured) == queries, [one["sql"][:200] for one in captured]


def test_an_agent_who_is_no_admin_reads_only(
    api: Api, partner: Any, agency: AgencySeat, agent: AgentSeat, webhook: WebhookSeat
) -> None:
    assert data(api.get(webhook.path, token=agent.token))["uuid"] == webhook.uuid
    assert code(create(api, agent)) == "forbidden"
    admin = new_agent(partner, agency, "new-admin@example.com", is_admin=True)
    assert api.patch(webhook.path, token=admin.token, json={"description": "A colleague's"}).status_code == 200
