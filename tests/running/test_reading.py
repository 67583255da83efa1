"""A declaration page is read by a real worker, also when nobody rang for it."""

import os
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from reportlab.pdfgen.canvas import Canvas

from api.roles import WORKER
from clients.models import DeclarationPage
from clients.services import declaration_pages
from clients.tasks import resume_reading
from config.run import CELERY_WORKER
from tests.answers import data
from tests.clients.conftest import SubmissionSeat, new_client, new_submission, send, upload
from tests.conftest import AgentSeat, Api

from .conftest import Start, migrated_database_url, wait_for

pytestmark = pytest.mark.django_db(transaction=True)


def declarations() -> bytes:
    buffer = BytesIO()
    canvas = Canvas(buffer)
    lines = (
        "Granite Mutual Insurance Company",
        "Personal Auto Policy Declarations",
        "Policy Number: GM-104-2288",
        "Policy Period: 01/15/2026 to 01/15/2027",
    )
    for number, line in enumerate(lines):
        canvas.drawString(72, 720 - 24 * number, line)
    canvas.save()
    return buffer.getvalue()


@pytest.fixture
def submission(api: Api, agent: AgentSeat) -> SubmissionSeat:
    return new_submission(api, new_client(api, agent))


@pytest.fixture
def worker(start: Start, tmp_path: Path, settings: Any) -> None:
    """A Celery worker, as production runs it, with the files where this test keeps them."""
    media = tmp_path / "media"
    kept = settings.STORAGES["declaration_pages"]
    settings.STORAGES = {
        **settings.STORAGES,
        "declaration_pages": {**kept, "OPTIONS": {**kept["OPTIONS"], "location": media / "declaration-pages"}},
    }
    start(
        "-m", *CELERY_WORKER, "--concurrency", "1",
        output=tmp_path / "worker",
        DATA_DIR=str(tmp_path),
        SECRET_KEY="s" * 60,
        DATABASE_URL=migrated_database_url(WORKER),
        REDIS_URL=os.environ["REDIS_URL"],
    )  # fmt: skip


def read(api: Api, submission: SubmissionSeat, uuid: str) -> Any:
    """The page as it is shown once it is read."""
    wait_for(DeclarationPage.objects.filter(pk=uuid).exclude(reading="pending").exists, 60)
    return data(api.get(f"{submission.path}/declaration-pages/{uuid}", token=submission.client.agent.token))


def test_a_worker_reads_what_was_uploaded(api: Api, submission: SubmissionSeat, worker: None) -> None:
    good = data(send(api, submission, upload(declarations())))["uuid"]
    bad = data(send(api, submission, upload(b"%PDF-1.7\nnothing of the kind")))["uuid"]
    shown = read(api, submission, good)
    assert (shown["carrier"], shown["policy_number"]) == ("Granite Mutual Insurance Company", "GM-104-2288")
    assert (shown["policy_type"], shown["effective_date"], shown["expiration_date"]) == (
        "auto", "2026-01-15", "2027-01-15",
    )  # fmt: skip
    assert read(api, submission, bad)["reading"] == "failed"


def test_what_nobody_rang_for_is_read_after_a_sweep(
    api: Api, submission: SubmissionSeat, worker: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(declaration_pages, "ring", lambda _: None)
        missed = data(send(api, submission, upload(declarations())))["uuid"]
    DeclarationPage.objects.filter(pk=missed).update(uploaded_at=timezone.now() - timedelta(minutes=2))
    resume_reading()
    assert read(api, submission, missed)["carrier"] == "Granite Mutual Insurance Company"


def test_the_workers_log_tells_which_request_rang(
    api: Api, submission: SubmissionSeat, worker: None, tmp_path: Path
) -> None:
    sent = send(api, submission, upload(declarations(), "of-ada-lovelace.pdf"), x_request_id="follow-me")
    read(api, submission, data(sent)["uuid"])

    def told() -> list[str]:
        lines = (tmp_path / "worker").read_text().splitlines()
        return [line for line in lines if "follow-me" in line and "task_succeeded" in line]

    wait_for(told)
    assert "lovelace" not in (tmp_path / "worker").read_text()
