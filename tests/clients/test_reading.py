"""What becomes of a declaration page that is read: filled where found, left where a person knows better."""

import errno
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from celery import current_app
from django.utils import timezone
from kombu.exceptions import OperationalError

from clients import tasks
from clients.models import DeclarationPage
from clients.reading.extraction import Unreadable
from clients.reading.found import Found
from clients.services import declaration_pages as services
from clients.services.declaration_pages import keep_reading, try_reading
from tests.answers import data
from tests.clients.conftest import PageSeat, SubmissionSeat, send, upload
from tests.conftest import Api
from tests.pictures import picture

TEXT = "Granite Mutual\nPolicy GM-1 from 2026-01-15 to 2027-01-15"
FOUND = {
    "carrier": Found("Granite Mutual", 0, 14),
    "policy_number": Found("GM-1", 22, 26),
    "effective_date": Found(date(2026, 1, 15), 32, 42),
}


def shown(api: Api, page: PageSeat) -> dict[str, Any]:
    return data(api.get(page.path, token=page.submission.client.agent.token))


def row(page: PageSeat) -> DeclarationPage:
    return DeclarationPage.objects.get(pk=page.uuid)


def read(page: PageSeat, text: str | None = TEXT, found: dict[str, Found] = FOUND) -> None:
    keep_reading(page_id=row(page).pk, text=text, found=found)


def test_what_was_found_is_shown_with_where_it_stands(api: Api, page: PageSeat) -> None:
    read(page)
    now = shown(api, page)
    assert now["reading"] == "done"
    assert {name: now[name] for name in DeclarationPage.READ_FIELDS} == {
        "carrier": "Granite Mutual",
        "policy_number": "GM-1",
        "policy_type": None,
        "effective_date": "2026-01-15",
        "expiration_date": None,
    }
    assert now["found"]["effective_date"] == {"start": 32, "end": 42, "text": "2026-01-15"}
    for one in now["found"].values():
        assert TEXT[one["start"] : one["end"]] == one["text"]


def test_what_a_person_set_meanwhile_stays(api: Api, page: PageSeat) -> None:
    values = {"carrier": "Quarry Casualty", "policy_number": None}
    api.patch(page.path, token=page.submission.client.agent.token, json=values)
    read(page)
    now = shown(api, page)
    assert (now["carrier"], now["policy_number"], now["effective_date"]) == ("Quarry Casualty", None, "2026-01-15")
    assert now["found"].keys() == {"effective_date"}


def test_a_correction_takes_the_place_of_what_was_found(api: Api, page: PageSeat) -> None:
    read(page)
    api.patch(page.path, token=page.submission.client.agent.token, json={"policy_number": "GM-7"})
    assert shown(api, page)["policy_number"] == "GM-7"
    assert shown(api, page)["found"].keys() == {"carrier", "effective_date"}


def test_dates_that_would_be_out_of_order_with_a_persons_are_left_out(api: Api, page: PageSeat) -> None:
    api.patch(page.path, token=page.submission.client.agent.token, json={"expiration_date": "2025-12-31"})
    read(page)
    now = shown(api, page)
    assert (now["effective_date"], now["expiration_date"], now["carrier"]) == (None, "2025-12-31", "Granite Mutual")


def test_it_is_read_once(api: Api, page: PageSeat) -> None:
    read(page)
    read(page, "", {})
    assert shown(api, page)["carrier"] == "Granite Mutual"
    assert try_reading(row(page).pk) is None


def test_a_page_that_is_gone_is_left_alone(api: Api, page: PageSeat) -> None:
    pk = row(page).pk
    api.post(f"{page.submission.client.path}/destroy", token=page.submission.client.agent.token)
    keep_reading(page_id=pk, text=TEXT, found=FOUND)
    tasks.read_declaration_page(str(pk))
    assert not DeclarationPage.objects.exists()


# --- the task -----------------------------------------------------------------------------------------


def test_a_file_that_cannot_be_read_is_told(api: Api, page: PageSeat, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: Any) -> str:
        raise Unreadable("damaged")

    monkeypatch.setattr(tasks, "text_of", fail)
    tasks.read_declaration_page(page.uuid)
    assert shown(api, page)["reading"] == "failed"


def test_a_machine_that_has_no_room_costs_no_try(api: Api, page: PageSeat, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: Any) -> str:
        raise OSError(errno.ENOSPC, "no room")

    monkeypatch.setattr(tasks, "text_of", fail)
    for _ in range(services.MAX_TRIES + 1):
        tasks.read_declaration_page(page.uuid)
        minutes_pass()
    monkeypatch.setattr(tasks, "text_of", lambda _: TEXT)
    tasks.read_declaration_page(page.uuid)
    assert shown(api, page)["reading"] == "done"


def test_a_file_that_kills_its_worker_is_tried_three_times(
    api: Api, page: PageSeat, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = []

    def die(_: Any) -> str:
        tries.append(row(page).reading_tries)
        raise SystemExit

    monkeypatch.setattr(tasks, "text_of", die)
    for _ in range(3):
        with pytest.raises(SystemExit):
            tasks.read_declaration_page(page.uuid)
        minutes_pass()
    tasks.read_declaration_page(page.uuid)
    assert tries == [1, 2, 3]
    assert shown(api, page)["reading"] == "failed"


def minutes_pass() -> None:
    DeclarationPage.objects.update(reading_tried_at=timezone.now() - timedelta(minutes=3))


def test_doorbells_that_ring_while_it_is_read_cost_no_try(
    api: Api, page: PageSeat, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many as a sweep rang that could not be heard for some minutes, and then all at once."""

    def read_slowly(_: Any) -> str:
        monkeypatch.setattr(tasks, "text_of", lambda _: pytest.fail("it is being read"))
        for _ in range(services.MAX_TRIES):
            tasks.read_declaration_page(page.uuid)
        return TEXT

    monkeypatch.setattr(tasks, "text_of", read_slowly)
    tasks.read_declaration_page(page.uuid)
    assert (shown(api, page)["reading"], row(page).reading_tries) == ("done", 1)


def test_a_picture_is_not_read(api: Api, submission: SubmissionSeat) -> None:
    made = data(send(api, submission, upload(picture())))
    tasks.read_declaration_page(made["uuid"])
    assert (
        data(api.get(f"{submission.path}/declaration-pages/{made['uuid']}", token=submission.client.agent.token))
        == made
    )


# --- the doorbell and the sweep -------------------------------------------------------------------------


@pytest.fixture
def rung(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The pages that workers were told of."""
    pages: list[str] = []
    monkeypatch.setattr(current_app, "send_task", lambda _, args, **__: pages.append(args[0]))
    return pages


@pytest.mark.django_db(transaction=True)
def test_an_upload_rings_once_it_is_committed(api: Api, submission: SubmissionSeat, rung: list[str]) -> None:
    made = data(send(api, submission, upload()))
    assert rung == [made["uuid"]]
    send(api, submission, upload(picture()))
    assert rung == [made["uuid"]]


@pytest.mark.django_db(transaction=True)
def test_an_upload_does_not_need_the_broker(
    api: Api, submission: SubmissionSeat, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any, **__: Any) -> None:
        raise OperationalError

    monkeypatch.setattr(current_app, "send_task", away)
    assert send(api, submission, upload()).status_code == 201


def test_the_sweep_rings_for_pages_that_nobody_reads(api: Api, submission: SubmissionSeat, rung: list[str]) -> None:
    ages = {"new": (0, None), "missed": (2, None), "being read": (30, 1), "abandoned": (30, 3)}
    pages = {}
    for name, (uploaded, tried) in ages.items():
        pages[name] = data(send(api, submission, upload()))["uuid"]
        DeclarationPage.objects.filter(pk=pages[name]).update(
            uploaded_at=timezone.now() - timedelta(minutes=uploaded),
            reading_tried_at=tried and timezone.now() - timedelta(minutes=tried),
        )
    done = data(send(api, submission, upload()))["uuid"]
    DeclarationPage.objects.filter(pk=done).update(reading="done", uploaded_at=timezone.now() - timedelta(days=1))
    tasks.resume_reading()
    assert sorted(rung) == sorted([pages["missed"], pages["abandoned"]])
    assert services.MAX_TRIES == 3
