"""Idempotency-Key: the same key and body gets the first answer again, and never acts twice (contract §2)."""

import base64
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import F
from django.http import HttpResponse
from django.test.client import encode_multipart
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from agencies.models import Agency
from agents.models import Agent
from api import tasks
from api.models import IdempotentAnswer
from api.tasks import clear_expired_idempotency_keys
from tests.conftest import AgencySeat, AgentSeat, Api, PartnerSeat
from tests.pictures import png
from tests.threads import PATIENCE, await_waiting, callers, row_held

AGENCY = {"agency_name": "Once", "email": "once@example.com", "first_name": "Once", "last_name": "Only"}
AGENT = {"first_name": "Once", "last_name": "Only", "email": "once@example.com"}


def post(
    api: Api, partner: PartnerSeat, key: str = "key", body: Any = AGENCY, path: str = "/v1/agencies"
) -> HttpResponse:
    return api.post(path, token=partner.token, json=body, idempotency_key=key)


# --- replay -----------------------------------------------------------------------------------------


def test_the_same_key_and_body_gets_the_first_answer(api: Api, partner: PartnerSeat) -> None:
    first, second = post(api, partner), post(api, partner)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.content == second.content
    assert first.headers["Location"] == second.headers["Location"]
    assert ("Idempotency-Replayed" in first.headers, second.headers["Idempotency-Replayed"]) == (False, "true")
    assert Agency.objects.count() == 1


def test_the_replayed_token_is_the_one_that_works(api: Api, partner: PartnerSeat) -> None:
    made = [post(api, partner).json()["data"] for _ in range(2)][1]
    answer = api.get(f"/v1/agencies/{made['agency']['id']}", token=made["agent"]["access_token"])
    assert answer.status_code == 200


def test_a_replay_has_its_own_request_id_and_is_counted(api: Api, partner: PartnerSeat) -> None:
    first, second = post(api, partner), post(api, partner)
    assert first.headers["X-Request-Id"] != second.headers["X-Request-Id"]
    left = [int(answer.headers["X-RateLimit-Remaining"]) for answer in (first, second)]
    assert left[0] - left[1] == 1


def test_the_order_of_names_in_the_body_is_no_matter(api: Api, partner: PartnerSeat) -> None:
    post(api, partner)
    again = post(api, partner, body=dict(reversed(AGENCY.items())))
    assert again.headers["Idempotency-Replayed"] == "true"


def test_a_refreshed_token_of_the_same_partner_replays(api: Api, partner: PartnerSeat) -> None:
    first = post(api, partner)
    grant = {"grant_type": "client_credentials", "client_id": partner.row.client_id, "client_secret": partner.secret}
    fresh = api.post("/oauth/token", json=grant).json()["access_token"]
    second = api.post("/v1/agencies", token=fresh, json=AGENCY, idempotency_key="key")
    assert (second.content, second.headers["Idempotency-Replayed"]) == (first.content, "true")


def test_a_reset_token_is_not_reset_twice(api: Api, partner: PartnerSeat, agent: AgentSeat) -> None:
    path = f"/v1/agents/{agent.id}/reset-access-token"
    first, second = (api.post(path, token=partner.token, idempotency_key="key") for _ in range(2))
    assert first.json() == second.json()


def test_a_multipart_retry_has_another_boundary(api: Api, partner: PartnerSeat, agency: AgencySeat) -> None:
    def send(boundary: str, picture: bytes) -> HttpResponse:
        body = encode_multipart(boundary, {**AGENT, "profile_picture": png(picture)})
        kind = f"multipart/form-data; boundary={boundary}"
        path, token = f"{agency.path}/agents", partner.token
        return api.post(path, token=token, body=body, content_type=kind, idempotency_key="key")

    first, second = send("one", b"red"), send("another", b"red")
    assert (first.status_code, second.content) == (201, first.content)
    assert second.headers["Idempotency-Replayed"] == "true"
    assert send("one", b"blue").status_code == 409


def test_a_form_that_is_a_patch_is_kept_like_any_post(api: Api, agency: AgencySeat) -> None:
    def send(name: str) -> HttpResponse:
        form = {"_method": "PATCH", "name": name}
        return api.post(agency.path, token=agency.owner.token, form=form, idempotency_key="key")

    first, second = send("Renamed"), send("Renamed")
    assert (first.status_code, second.content) == (200, first.content)
    assert second.headers["Idempotency-Replayed"] == "true"
    assert send("Another").status_code == 409


# --- what is another request --------------------------------------------------------------------------


def test_another_body_is_409(api: Api, partner: PartnerSeat) -> None:
    post(api, partner)
    answer = post(api, partner, body={**AGENCY, "agency_name": "Twice"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "idempotency_key_reused")
    assert Agency.objects.count() == 1


def test_another_path_is_409(api: Api, partner: PartnerSeat, agency: AgencySeat, agent: AgentSeat) -> None:
    assert post(api, partner, body=None, path=f"{agency.path}/reactivate").status_code == 200
    assert post(api, partner, body=None, path=f"/v1/agents/{agent.id}/reactivate").status_code == 409


def test_another_key_acts_again(api: Api, partner: PartnerSeat) -> None:
    assert post(api, partner, "one").content != post(api, partner, "two").content
    assert Agency.objects.count() == 2


def test_without_a_key_each_acts(api: Api, partner: PartnerSeat) -> None:
    for _ in range(2):
        assert api.post("/v1/agencies", token=partner.token, json=AGENCY).status_code == 201
    assert (Agency.objects.count(), IdempotentAnswer.objects.count()) == (2, 0)


def test_partners_do_not_share_keys(api: Api, partner: PartnerSeat, foreign_partner: PartnerSeat) -> None:
    mine, theirs = post(api, partner), post(api, foreign_partner)
    assert theirs.status_code == 201
    assert "Idempotency-Replayed" not in theirs.headers
    assert mine.json()["data"]["agency"]["id"] != theirs.json()["data"]["agency"]["id"]


@pytest.mark.parametrize("method", ["GET", "PATCH"])
def test_only_posts_are_kept(api: Api, agency: AgencySeat, method: str) -> None:
    body = {"name": "Renamed"} if method == "PATCH" else None
    for _ in range(2):
        answer = api.call(method, agency.path, token=agency.owner.token, json=body, idempotency_key="key")
        assert (answer.status_code, "Idempotency-Replayed" in answer.headers) == (200, False)
    assert IdempotentAnswer.objects.count() == 0


# --- bounds of the key --------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["k", "!~", "x" * 255, "8e03978e-40d5-43dd-bc93-6894a57f9324"])
def test_a_key_of_visible_characters_is_taken(api: Api, partner: PartnerSeat, key: str) -> None:
    assert post(api, partner, key).status_code == 201


@pytest.mark.parametrize("key", ["", "x" * 256, "two words", "tab\there", "ü", "\x7f"])
def test_any_other_is_422(api: Api, partner: PartnerSeat, key: str) -> None:
    answer = post(api, partner, key)
    assert answer.status_code == 422
    assert answer.json()["error"]["details"][0]["field"] == "Idempotency-Key"
    assert Agency.objects.count() == 0


# --- which answers are kept ---------------------------------------------------------------------------


def test_a_refusal_is_kept(api: Api, partner: PartnerSeat, agency: AgencySeat) -> None:
    body = {**AGENT, "email": agency.owner.email}
    first = post(api, partner, body=body, path=f"{agency.path}/agents")
    assert first.status_code == 422
    Agent.objects.filter(pk=agency.owner.id).update(email="moved@example.com")
    second = post(api, partner, body=body, path=f"{agency.path}/agents")
    assert (second.content, second.headers["Idempotency-Replayed"]) == (first.content, "true")


def test_a_fault_of_ours_is_not_kept(api: Api, partner: PartnerSeat) -> None:
    savepoint = transaction.savepoint()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_auditentry RENAME TO away")
    assert post(api, partner).status_code == 500
    assert Agency.objects.count() == 0
    transaction.savepoint_rollback(savepoint)
    answer = post(api, partner)
    assert (answer.status_code, "Idempotency-Replayed" in answer.headers) == (201, False)


def test_a_rate_limited_one_is_not_kept(api: Api, partner: PartnerSeat, settings: Any) -> None:
    settings.RATE_LIMIT_CREDENTIAL = "1/m"
    api.get("/v1/agencies", token=partner.token)
    assert post(api, partner).status_code == 429
    settings.RATE_LIMIT_CREDENTIAL = "60/m"
    assert post(api, partner).status_code == 201


# --- how long -----------------------------------------------------------------------------------------


def grow_older(age: timedelta) -> None:
    assert IdempotentAnswer.objects.update(created_at=F("created_at") - age) == 1


def test_within_24_hours_it_is_replayed(api: Api, partner: PartnerSeat) -> None:
    post(api, partner)
    grow_older(timedelta(hours=23, minutes=59))
    assert post(api, partner).headers["Idempotency-Replayed"] == "true"


def test_after_24_hours_the_key_is_new(api: Api, partner: PartnerSeat) -> None:
    post(api, partner)
    grow_older(timedelta(hours=24, seconds=1))
    again = post(api, partner, body={**AGENCY, "agency_name": "A day later"})
    assert (again.status_code, "Idempotency-Replayed" in again.headers) == (201, False)
    assert post(api, partner, body={**AGENCY, "agency_name": "A day later"}).content == again.content


def test_what_is_expired_is_cleared(api: Api, partner: PartnerSeat) -> None:
    post(api, partner, "old")
    grow_older(timedelta(hours=24, seconds=1))
    post(api, partner, "young")
    clear_expired_idempotency_keys()
    assert IdempotentAnswer.objects.count() == 1
    assert post(api, partner, "young").headers["Idempotency-Replayed"] == "true"


def test_many_are_cleared_by_as_many_statements_as_it_takes(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "BATCH", 2)
    long_ago = timezone.now() - timedelta(days=9)
    for number in range(5):
        digest = bytes([number])
        IdempotentAnswer.objects.create(key_digest=digest, fingerprint=b"", sealed_answer=b"", created_at=long_ago)
    with CaptureQueriesContext(connection) as captured:
        clear_expired_idempotency_keys()
    assert len([one for one in captured if one["sql"].startswith("DELETE")]) == 3
    assert not IdempotentAnswer.objects.exists()


# --- at rest ------------------------------------------------------------------------------------------


def test_the_stored_row_opens_nothing(api: Api, partner: PartnerSeat) -> None:
    made = post(api, partner, "a-key-to-find").json()["data"]
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM api_idempotentanswer")
        [row] = cursor.fetchall()
    dump = b"\n".join(value if isinstance(value, bytes) else str(value).encode() for value in map(_plain, row))
    assert len(dump) > 100
    for secret in (made["agent"]["access_token"], partner.token, "a-key-to-find", "once@example.com", "agency_"):
        assert secret.encode() not in dump
        assert base64.b64encode(secret.encode()).rstrip(b"=")[:-1] not in dump


def _plain(value: Any) -> Any:
    return bytes(value) if isinstance(value, memoryview) else value


# --- while the secret is replaced -----------------------------------------------------------------------


OLD_SECRET, NEW_SECRET = "old" * 20, "new" * 20


def server_with(settings: Any, secret: str, *fallbacks: str) -> None:
    """Those that the server has from now on: the runbook's steps (*Rotating secrets*)."""
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = secret, list(fallbacks)


def test_a_key_outlives_the_secret_it_was_used_under(api: Api, partner: PartnerSeat, settings: Any) -> None:
    server_with(settings, OLD_SECRET)
    first = post(api, partner)
    server_with(settings, NEW_SECRET, OLD_SECRET)
    again = post(api, partner)
    assert (again.content, again.headers["Idempotency-Replayed"]) == (first.content, "true")
    other = post(api, partner, body={**AGENCY, "agency_name": "Another"})
    assert (other.status_code, other.json()["error"]["code"]) == (409, "idempotency_key_reused")
    server_with(settings, NEW_SECRET)
    assert "Idempotency-Replayed" not in post(api, partner).headers


def test_a_server_that_is_not_yet_restarted_knows_what_the_next_one_did(
    api: Api, partner: PartnerSeat, settings: Any
) -> None:
    server_with(settings, NEW_SECRET, OLD_SECRET)
    first = post(api, partner)
    server_with(settings, OLD_SECRET, NEW_SECRET)
    again = post(api, partner)
    assert (again.content, again.headers["Idempotency-Replayed"]) == (first.content, "true")


# --- two at once --------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_two_at_once_never_both_act(api: Api, partner: PartnerSeat, agency: AgencySeat) -> None:
    path = f"{agency.path}/agents"
    with callers() as start:
        with row_held("agencies_agency", agency.id):
            first = start(lambda: post(Api(), partner, body=AGENT, path=path))
            await_waiting()
            second = post(api, partner, body=AGENT, path=path)
            assert (second.status_code, second.json()["error"]["code"]) == (409, "idempotency_in_flight")
        assert first.result(PATIENCE).status_code == 201
    assert Agent.objects.filter(email=AGENT["email"]).count() == 1
    third = post(api, partner, body=AGENT, path=path)
    assert (third.content, third.headers["Idempotency-Replayed"]) == (first.result().content, "true")


@pytest.mark.django_db(transaction=True)
def test_many_at_once_make_one(partner: PartnerSeat) -> None:
    with callers() as start:
        answers = [future.result(PATIENCE) for future in [start(lambda: post(Api(), partner)) for _ in range(8)]]
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len({answer.content for answer in answers if answer.status_code == 201}) == 1
    assert Agency.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_servers_of_which_one_has_the_next_secret_never_both_act(
    api: Api, partner: PartnerSeat, agency: AgencySeat, settings: Any
) -> None:
    path = f"{agency.path}/agents"
    server_with(settings, OLD_SECRET, NEW_SECRET)
    with callers() as start:
        with row_held("agencies_agency", agency.id):
            first = start(lambda: post(Api(), partner, body=AGENT, path=path))
            await_waiting()
            server_with(settings, NEW_SECRET, OLD_SECRET)
            assert post(api, partner, body=AGENT, path=path).json()["error"]["code"] == "idempotency_in_flight"
        assert first.result(PATIENCE).status_code == 201
