"""Every write of the API cut off in the middle, by a server that is killed and by callers who hang up: over real
connections to gunicorn."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import requests
from django.urls import reverse
from django.utils import timezone

from agencies.tasks import sweep_pictures
from api import credentials, stores
from api.principals import Consumer
from audit.models import AuditEntry
from clients.models import Client, DeclarationPage, Submission
from clients.services.submissions import start_submission
from clients.tasks import sweep_orphans
from tests.clients.conftest import PDF, ClientSeat
from tests.clients.visitor import Form
from tests.running.conftest import Server, wait_for
from tests.threads import await_waiting, table_held

from .invariants import assert_all_is_well, contents
from .remote import RemoteApi
from .stage import WRITES, new_world

pytestmark = [pytest.mark.drill, pytest.mark.django_db(transaction=True)]


def sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the day after tomorrow."""
    then = timezone.now() + timedelta(days=2)
    with monkeypatch.context() as patched:
        patched.setattr(stores, "timezone", SimpleNamespace(now=lambda: then))
        sweep_pictures()
        sweep_orphans()


def test_a_server_that_is_killed(server: Server, stored_files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the write stays, and the same call again does it once."""
    api = RemoteApi(server.url)
    agencies = []
    for name, write in WRITES.items():
        world = new_world(api)
        agencies += world.agencies
        before = contents()
        with ThreadPoolExecutor() as pool, table_held("audit_auditentry"):
            answer = pool.submit(write.sent, api, world, idempotency_key="k")
            await_waiting(1)
            os.kill(server.worker, signal.SIGKILL)
        assert isinstance(answer.exception(), requests.ConnectionError), name
        assert contents() == before, name
        again: Any = wait_for(lambda w=write, o=world: w.sent(api, o, idempotency_key="k"))
        told = (str(again.status_code), "Idempotency-Replayed" in again.headers)
        assert told == (write.statuses[:3], False), name
    sweep(monkeypatch)
    assert_all_is_well(agencies, stored_files)


def test_a_caller_who_hangs_up_before_the_answer(server: Server, stored_files: Path) -> None:
    """The write is done. Sent again, a POST gets its answer, and what is no POST does no harm."""
    api, hasty = RemoteApi(server.url), RemoteApi(server.url, patience=0.3)
    agencies = []
    for name, write in WRITES.items():
        world = new_world(api)
        agencies += world.agencies
        acts = AuditEntry.objects.filter(action=write.action)
        before = acts.count()
        with ThreadPoolExecutor() as pool, table_held("audit_auditentry"):
            answer = pool.submit(write.sent, hasty, world, idempotency_key="k")
            await_waiting(1)
            assert isinstance(answer.exception(), requests.Timeout), name
        wait_for(lambda acts=acts, before=before: acts.count() > before)
        again = write.sent(api, world, idempotency_key="k")
        told = (str(again.status_code), "Idempotency-Replayed" in again.headers)
        if write.method == "POST":
            assert (told, acts.count() - before) == ((write.statuses[:3], True), 1), name
        else:
            assert (told, acts.count() - before) == ((write.statuses[4:], False), write.acts), name
    assert_all_is_well(agencies, stored_files)


def test_a_caller_who_hangs_up_in_the_middle_of_the_body(server: Server, stored_files: Path) -> None:
    """Nothing was done."""
    api, faltering = RemoteApi(server.url), RemoteApi(server.url, patience=0.3, share=0.5)
    world = new_world(api)
    before = contents()
    for name, write in WRITES.items():
        if write.body is not None:
            with pytest.raises(requests.Timeout):
                write.sent(faltering, world, idempotency_key="k")
            assert contents() == before, name
    assert_all_is_well(world.agencies, stored_files)


def test_a_consumer_whose_connection_breaks_in_the_middle_of_the_form(
    server: Server, client_seat: ClientSeat, stored_files: Path
) -> None:
    """Half a form changes nothing, and says nothing of the boxes that did not come."""
    secret = credentials.generate(credentials.CONSUMER_LINK)
    client, digest = Client.objects.get(), credentials.digest(secret)
    chosen = {"insurance_types": ["auto", "home"]}
    start_submission(actor=Consumer(), client=client, values=chosen, resume_digest=digest)
    url = server.url + reverse("public-submission", args=[client_seat.agent.slug, secret])
    with requests.Session() as browser:
        form = Form()
        form.feed(browser.get(url, timeout=10).text)
        values = {**form.values, "act": ["upload"]}
        sent = browser.prepare_request(requests.Request("POST", url, data=values, files={"files": ("page.pdf", PDF)}))
        whole = sent.copy()
        sent.body = sent.body[: sent.body.rindex(b'name="insurance_types"')]
        with pytest.raises(requests.Timeout):
            browser.send(sent, timeout=0.3)
        wait_for(lambda: "POST /<slug>/s/" in (stored_files / "output").read_text())
        assert Submission.objects.get().insurance_types == chosen["insurance_types"]
        assert browser.send(whole, timeout=10, allow_redirects=False).status_code == 303
    assert [one.size for one in DeclarationPage.objects.all()] == [len(PDF)]
