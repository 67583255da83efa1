"""What workers do, twice at once and beside those who call."""

from datetime import timedelta
from importlib import import_module
from typing import Any

import pytest
from celery import current_app
from django.db.models.functions import Now

from api.models import IdempotentAnswer
from api.tasks import clear_expired_idempotency_keys
from clients.models import DeclarationPage
from clients.services.declaration_pages import keep_reading, try_reading
from tests.answers import data
from tests.clients.conftest import PageSeat
from tests.conftest import AgencySeat, Api, PartnerSeat
from tests.threads import PATIENCE, at_once, await_waiting, callers, in_turn, row_held
from tests.webhooks.conftest import WebhookSeat, new_delivery
from webhooks.models import Delivery
from webhooks.services import upkeep
from webhooks.services.upkeep import let_go_of_held

pytestmark = pytest.mark.django_db(transaction=True)
READ = {"text": "A page", "found": {}}


def test_a_page_is_read_by_one_worker_and_kept_once(page: PageSeat) -> None:
    tried = at_once(*[lambda: try_reading(page.uuid)] * 8)
    assert (tried.count(None), DeclarationPage.objects.get().reading_tries) == (7, 1)
    at_once(*[lambda: keep_reading(page_id=page.uuid, **READ)] * 4)
    assert DeclarationPage.objects.get().reading == "done"


@pytest.mark.parametrize("first", ["reading", "person"])
def test_what_a_person_corrects_stays_whenever_the_reading_ends(page: PageSeat, first: str) -> None:
    def correct() -> Any:
        return Api().patch(page.path, token=page.submission.client.agent.token, json={"carrier": "By hand"}).status_code

    acts = {"reading": lambda: keep_reading(page_id=page.uuid, **READ), "person": correct}
    order = [first, *(set(acts) - {first})]
    with callers() as start:
        with row_held("clients_declarationpage", page.uuid):
            futures = []
            for count, name in enumerate(order, 1):
                futures.append(start(acts[name]))
                await_waiting(count)
        assert {future.result(PATIENCE) for future in futures} == {None, 200}
    row = DeclarationPage.objects.get()
    assert (row.carrier, row.corrected, row.reading) == ("By hand", ["carrier"], "done")


def test_a_page_that_is_removed_while_it_is_read_is_gone(page: PageSeat) -> None:
    token = page.submission.client.agent.token
    removed, _ = in_turn(lambda: Api().delete(page.path, token=token), lambda: keep_reading(page_id=page.uuid, **READ))
    assert removed.status_code == 204
    assert not DeclarationPage.objects.exists()


def test_a_key_that_is_cleared_while_it_is_used_again_acts_once(partner: PartnerSeat, agency: AgencySeat) -> None:
    """It has just expired: the new answer stays."""
    body = {"first_name": "Ann", "last_name": "Agent", "email": "ann@example.com"}

    def add(**changes: str) -> Any:
        path = f"{agency.path}/agents"
        return Api().post(path, token=partner.token, json={**body, **changes}, idempotency_key="k")

    add()
    IdempotentAnswer.objects.update(created_at=Now() - timedelta(hours=25))
    added, _ = in_turn(lambda: add(email="other@example.com"), clear_expired_idempotency_keys)
    assert data(add(email="other@example.com")) == data(added)
    assert IdempotentAnswer.objects.count() == 1


def test_tidying_beside_the_deletion_of_a_webhook(
    api: Api, webhook: WebhookSeat, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both cancel what was held."""
    for _ in range(20):
        new_delivery(api, webhook)
    Delivery.objects.update(state=Delivery.State.HELD)
    monkeypatch.setattr(upkeep, "HELD_FOR", timedelta(seconds=-60))
    at_once(let_go_of_held, lambda: Api().delete(webhook.path, token=webhook.admin.token), let_go_of_held)
    assert set(Delivery.objects.values_list("state", flat=True)) == {"cancelled"}


def test_every_task_has_been_thought_of() -> None:
    """What each writes that others write too, and where that is raced."""
    for app in ("administration", "agencies", "agents", "api", "clients", "oauth_clients", "webhooks"):
        import_module(f"{app}.tasks")
    ours = {name for name in current_app.tasks if not name.startswith(("celery.", "tests."))}
    assert ours == {
        "administration.tasks.clear_expired_sessions",  # rows that nobody can use any more
        "agencies.tasks.sweep_pictures",  # files of days that are over: nobody writes those
        "agents.tasks.tidy_totals",  # tests/api/test_totals.py
        "api.tasks.clear_expired_idempotency_keys",  # here
        "clients.tasks.read_declaration_page",  # here
        "clients.tasks.resume_reading",  # rings only
        "clients.tasks.sweep_orphans",  # as of pictures
        "oauth_clients.tasks.clear_expired_tokens",  # rows that nobody can use any more
        "webhooks.tasks.deliver",  # tests/webhooks/delivery, tests/webhooks/drills
        "webhooks.tasks.tidy",  # here
        "webhooks.tasks.watch",  # tests/webhooks/test_deliveries.py, test_upkeep.py
    }
