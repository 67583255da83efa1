"""Declaration pages: uploaded, judged by content, given out by links, corrected; and no file without its row."""

import hashlib
import os
import resource
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.core import signing
from django.core.exceptions import ImproperlyConfigured
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, OperationalError

from api.roles import API
from api.tenancy import acting_as
from audit.models import AuditEntry
from clients import files, links, tasks
from clients.models import DeclarationPage, Submission
from clients.services import declaration_pages as services
from tests.answers import code, data, faults
from tests.clients.conftest import PDF, PageSeat, SubmissionSeat, send, upload
from tests.conftest import COMMAND_LINE, AgencySeat, AgentSeat, Api, PartnerSeat
from tests.described import assert_as_described
from tests.pictures import picture, png_that_claims, several_in_one


def row_of(submission: SubmissionSeat) -> Submission:
    return Submission.objects.get(pk=submission.uuid)


def stored(directory: Path) -> list[Path]:
    return sorted(path for path in directory.rglob("*") if path.is_file())


def downloaded(api: Api, page: PageSeat, **call: Any) -> Any:
    url = data(api.get(page.link_path, token=page.submission.client.agent.token))["url"]
    return api.get(url.removeprefix("http://testserver"), **call)


# --- uploaded ----------------------------------------------------------------------------------------

KINDS = {"application/pdf": PDF} | {f"image/{kind.lower()}": picture(kind) for kind in ("PNG", "JPEG", "WEBP")}


@pytest.mark.parametrize(("content_type", "content"), KINDS.items(), ids=list(KINDS))
def test_a_file_is_what_its_content_says_and_kept_as_it_came(
    api: Api, submission: SubmissionSeat, declaration_pages_dir: Path, content_type: str, content: bytes
) -> None:
    answer = send(api, submission, upload(content, "My page.exe", "text/html"))
    assert answer.status_code == 201
    assert_as_described(answer, "uploadDeclarationPage")
    made = data(answer)
    assert (made["content_type"], made["size"], made["filename"]) == (content_type, len(content), "My page.exe")
    assert made["sha256"] == hashlib.sha256(content).hexdigest()
    assert {made[name] for name in DeclarationPage.READ_FIELDS} == {None}
    assert made["reading"] == ("pending" if content_type == "application/pdf" else "none")
    [file] = stored(declaration_pages_dir)
    assert file.read_bytes() == content
    assert file.stat().st_mode & 0o077 == 0
    location = answer.headers["Location"]
    assert data(api.get(location, token=submission.client.agent.token)) == made


HTML = b"<!doctype html><script>alert(1)</script>"
NOT_TAKEN = {
    "html": HTML,
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg"/>',
    "gif": picture("GIF"),
    "zip": b"PK\x03\x04" + bytes(50),
    "html before a pdf": HTML + PDF,
    "pdf after a byte": b"\n" + PDF,
    "png by its first bytes": b"\x89PNG\r\n\x1a\n",
    "jpeg by its first bytes": b"\xff\xd8\xff\xe0",
    "riff that is no webp": b"RIFF\x04\x00\x00\x00WAVE" + bytes(20),
    "a bomb of pixels": png_that_claims(60_000, 60_000),
    "text": b"%PD",
    "random": zlib.compress(os.urandom(100)),
}


def test_anything_else_is_422_and_leaves_nothing(
    api: Api, submission: SubmissionSeat, declaration_pages_dir: Path
) -> None:
    for name, content in NOT_TAKEN.items():
        for content_type in ("application/pdf", "image/png"):
            answer = send(api, submission, upload(content, "page.pdf", content_type))
            assert (name, faults(answer)) == (name, {"file": "invalid_file"})
    assert not DeclarationPage.objects.exists()
    assert stored(declaration_pages_dir) == []


@pytest.mark.parametrize("trailer", [HTML, b"PK\x03\x04 a zip", b"<?php system($_GET[0]) ?>"])
def test_a_polyglot_is_given_out_as_what_it_begins_as_and_only_to_be_kept(
    api: Api, submission: SubmissionSeat, trailer: bytes
) -> None:
    made = data(send(api, submission, upload(PDF + trailer, "page.html")))
    answer = downloaded(api, PageSeat(made["uuid"], submission))
    assert answer.headers["Content-Type"] == "application/pdf"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="page.html.pdf"'
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_a_telephones_jpeg_with_a_second_picture_in_it_is_a_jpeg(api: Api, submission: SubmissionSeat) -> None:
    made = data(send(api, submission, upload(several_in_one(), "IMG_0001.jpg")))
    assert made["content_type"] == "image/jpeg"


@pytest.mark.parametrize(
    ("content", "name", "kept"),
    [
        (PDF, "Policy.PDF", "Policy.PDF"), (PDF, "policy.pdf.bat", "policy.pdf.bat.pdf"), (PDF, "policy", "policy.pdf"),
        (picture("JPEG"), "p.jpeg", "p.jpeg"), (picture("JPEG"), "p.png", "p.png.jpg"),
        (picture("WEBP"), "p.hta", "p.hta.webp"),
    ],
)  # fmt: skip
def test_a_file_is_kept_under_a_name_that_ends_as_its_type_does(
    api: Api, submission: SubmissionSeat, content: bytes, name: str, kept: str
) -> None:
    """What a consumer calls `policy.bat` would be run by the agent's computer."""
    made = data(send(api, submission, upload(content, name)))
    assert made["filename"] == name
    answer = downloaded(api, PageSeat(made["uuid"], submission))
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{kept}"'


def test_an_empty_file_a_text_and_none_at_all(api: Api, submission: SubmissionSeat) -> None:
    path, token = f"{submission.path}/declaration-pages", submission.client.agent.token
    assert faults(send(api, submission, upload(b""))) == {"file": "empty"}
    assert faults(send(api, submission, "declarations.pdf")) == {"file": "invalid"}
    assert faults(api.post(path, token=token, form={"files": upload()})) == {"file": "required"}
    assert faults(api.post(path, token=token, json={"file": "x"})) == {"file": "invalid"}


def test_20_mb_are_taken_and_a_byte_more_is_413(
    api: Api, submission: SubmissionSeat, settings: Any, declaration_pages_dir: Path
) -> None:
    whole = PDF + bytes(settings.MAX_DECLARATION_PAGE_BYTES - len(PDF))
    assert send(api, submission, upload(whole)).status_code == 201
    for more in (1, 2 * settings.MAX_JSON_BYTES):
        answer = send(api, submission, upload(whole + bytes(more)))
        assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")
    assert len(stored(declaration_pages_dir)) == 1


@contextmanager
def full_disk(room: int) -> Iterator[None]:
    """No file may be larger than so many bytes; a disk that is full is the same to whoever writes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_disk_that_is_full_on_the_way_is_503_and_the_same_call_is_taken_later(
    api: Api, submission: SubmissionSeat, declaration_pages_dir: Path
) -> None:
    large = PDF + bytes(2_000_000)
    with full_disk(1_000_000):
        answer = send(api, submission, upload(large), idempotency_key="k")
    assert (answer.status_code, code(answer)) == (503, "unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    assert stored(declaration_pages_dir) == []
    assert send(api, submission, upload(large), idempotency_key="k").status_code == 201


NAMES = {
    "../../etc/passwd": "passwd",
    "/etc/passwd": "passwd",
    "C:\\Users\\joe\\page.pdf": "page.pdf",
    "名前 заявление.pdf": "名前 заявление.pdf",
    "page\u202efdp.exe": "pagefdp.exe",
    "a\nb\r\n.pdf": "ab.pdf",
    '"quoted"; filename=x.pdf': '"quoted"; filename=x.pdf',
    "x" * 400 + ".pdf": "x" * 196 + ".pdf",
    "...": "declaration-page.pdf",
    "\u200b": "declaration-page.pdf",
}


@pytest.mark.parametrize(("name", "shown"), NAMES.items(), ids=lambda text: repr(text)[:20])
def test_a_file_name_is_shown_and_never_a_path(
    api: Api, submission: SubmissionSeat, declaration_pages_dir: Path, name: str, shown: str
) -> None:
    file = SimpleUploadedFile("any.pdf", PDF)
    file._name = name  # as a client may send it: SimpleUploadedFile would cut it down
    page = services.add_declaration_page(actor=COMMAND_LINE, submission=row_of(submission), upload=file)
    assert page.filename == shown
    [path] = stored(declaration_pages_dir)
    assert path.parent.parent == declaration_pages_dir
    assert path.name.removesuffix(".pdf").isalnum()
    answer = downloaded(api, PageSeat(str(page.pk), submission))
    assert "\n" not in answer.headers["Content-Disposition"]
    assert b"".join(answer) == PDF


def test_a_submission_has_so_many_and_no_more(
    api: Api, page: PageSeat, declaration_pages_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "MAX_PAGES", 1)
    answer = send(api, page.submission, upload())
    assert (answer.status_code, code(answer)) == (422, "too_many_declaration_pages")
    assert len(stored(declaration_pages_dir)) == 1


def test_the_same_key_uploads_once(api: Api, submission: SubmissionSeat, declaration_pages_dir: Path) -> None:
    first, again = (send(api, submission, upload(), idempotency_key="k") for _ in range(2))
    assert again.headers["Idempotency-Replayed"] == "true"
    assert data(first) == data(again)
    assert len(stored(declaration_pages_dir)) == 1


# --- links -------------------------------------------------------------------------------------------


def test_a_link_works_without_a_token_and_downloads_the_file(api: Api, page: PageSeat) -> None:
    before = datetime.now(UTC)
    answer = api.get(page.link_path, token=page.submission.client.agent.token)
    assert_as_described(answer, "linkDeclarationPage")
    lives = datetime.fromisoformat(data(answer)["expires_at"]) - before
    assert timedelta(minutes=14, seconds=58) < lives < timedelta(minutes=15, seconds=5)
    file = downloaded(api, page)
    assert (file.status_code, b"".join(file)) == (200, PDF)
    assert file.headers["Content-Disposition"] == 'attachment; filename="declarations.pdf"'
    assert (file.headers["Content-Type"], file.headers["Content-Length"]) == ("application/pdf", str(len(PDF)))
    assert file.headers["X-Content-Type-Options"] == "nosniff"
    assert file.headers["Cache-Control"] == "private, no-store"


def test_a_link_expires_after_15_minutes(api: Api, page: PageSeat, monkeypatch: pytest.MonkeyPatch) -> None:
    link = data(api.get(page.link_path, token=page.submission.client.agent.token))
    path, end = link["url"].removeprefix("http://testserver"), datetime.fromisoformat(link["expires_at"]).timestamp()
    for seconds, status in ((-60, 200), (-0.001, 200), (1.001, 404)):
        monkeypatch.setattr(signing, "time", SimpleNamespace(time=lambda at=end + seconds: at))
        assert api.get(path).status_code == status


@pytest.mark.parametrize("rights", ["reset", "deactivated", "agency deactivated", "reassigned", "destroyed"])
def test_a_link_is_as_good_as_its_askers_rights(
    api: Api, partner: PartnerSeat, agency: AgencySeat, colleague: AgentSeat, page: PageSeat, rights: str
) -> None:
    client, agent = page.submission.client, page.submission.client.agent
    path = data(api.get(page.link_path, token=agent.token))["url"].removeprefix("http://testserver")
    assert api.get(path).status_code == 200
    acts: dict[str, Any] = {
        "reset": lambda: api.post(f"/v1/agents/{agent.id}/reset-access-token", token=partner.token),
        "deactivated": lambda: api.delete(f"/v1/agents/{agent.id}", token=partner.token),
        "agency deactivated": lambda: api.delete(agency.path, token=partner.token),
        "reassigned": lambda: api.post(f"{client.path}/reassign", token=agent.token, json={"agent_id": colleague.id}),
        "destroyed": lambda: api.post(f"{client.path}/destroy", token=agent.token),
    }
    assert acts[rights]().status_code < 300
    assert api.get(path).status_code == 404


def test_forged_links_open_nothing_and_are_counted(api: Api, page: PageSeat, settings: Any) -> None:
    settings.RATE_LIMIT_ADDRESS = "5/m"
    good = data(api.get(page.link_path, token=page.submission.client.agent.token))["url"].rpartition("/")[2]
    forged = [good[:-1] + "-", good.replace(":", ""), "x", good.swapcase(), "%00"]
    assert {api.get(f"/files/{one}").status_code for one in forged} == {404}
    refused = api.get("/files/x")
    assert (refused.status_code, int(refused["Retry-After"]) > 0) == (429, True)
    assert api.get(f"/files/{good}").status_code == 200


def test_a_file_that_is_missing_is_404(api: Api, page: PageSeat, declaration_pages_dir: Path) -> None:
    [file] = stored(declaration_pages_dir)
    file.unlink()
    assert downloaded(api, page).status_code == 404


def test_a_link_while_the_database_is_away_is_503(
    api: Api, page: PageSeat, monkeypatch: pytest.MonkeyPatch, logged: Callable[[], str]
) -> None:
    path = data(api.get(page.link_path, token=page.submission.client.agent.token))["url"]

    def away(_: int) -> None:
        raise OperationalError("the server is starting up")

    monkeypatch.setattr(links, "principal_of", away)
    answer = api.get(path.removeprefix("http://testserver"))
    assert (answer.status_code, code(answer), answer.headers["Retry-After"]) == (503, "unavailable", "2")
    assert logged().count('"request_failed"') == 1


# --- corrected and taken out ----------------------------------------------------------------------------


def test_what_was_read_is_corrected(api: Api, page: PageSeat) -> None:
    values = {
        "carrier": "Granite Mutual",
        "policy_number": "GM 1",
        "policy_type": "home",
        "effective_date": "2026-01-15",
        "expiration_date": "2027-01-15",
    }
    answer = api.patch(page.path, token=page.submission.client.agent.token, json=values)
    assert_as_described(answer, "correctDeclarationPage")
    assert values.items() <= data(answer).items()
    cleared = api.patch(page.path, token=page.submission.client.agent.token, json={"carrier": None})
    assert (data(cleared)["carrier"], data(cleared)["policy_number"]) == (None, "GM 1")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"policy_type": "boat"}, {"policy_type": "invalid_choice"}),
        ({"effective_date": "01/15/2026"}, {"effective_date": "invalid"}),
        ({"effective_date": "2026-01-15T00:00:00Z"}, {"effective_date": "invalid"}),
        ({"carrier": "x" * 201}, {"carrier": "max_length"}),
        ({"carrier": ""}, {"carrier": "blank"}),
        ({"effective_date": "2026-02-01", "expiration_date": "2026-01-31"}, {"expiration_date": "dates_out_of_order"}),
    ],
)
def test_what_is_not_valid_is_named(api: Api, page: PageSeat, values: Any, expected: dict[str, str]) -> None:
    assert faults(api.patch(page.path, token=page.submission.client.agent.token, json=values)) == expected


@pytest.mark.django_db(transaction=True)
def test_a_page_is_taken_out_with_its_file(api: Api, page: PageSeat, declaration_pages_dir: Path) -> None:
    token = page.submission.client.agent.token
    assert api.delete(page.path, token=token).status_code == 204
    assert api.get(page.path, token=token).status_code == 404
    assert stored(declaration_pages_dir) == []


# --- no file without its row ---------------------------------------------------------------------------


def test_an_upload_that_fails_midway_leaves_neither(
    api: Api, submission: SubmissionSeat, declaration_pages_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After its file was stored, and while it was."""

    def fail(**_: Any) -> None:
        raise IntegrityError

    with monkeypatch.context() as patched:
        patched.setattr(services, "record", fail)
        assert send(api, submission, upload()).status_code == 500
    assert stored(declaration_pages_dir) == []
    save = FileSystemStorage._save

    def save_half(self: Any, name: str, content: Any) -> str:
        save(self, name, ContentFile(content.read(10)))
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(FileSystemStorage, "_save", save_half)
        assert send(api, submission, upload()).status_code == 503
    assert not DeclarationPage.objects.exists()
    assert stored(declaration_pages_dir) == []
    assert send(api, submission, upload()).status_code == 201


def test_the_sweep_removes_orphans_of_days_that_are_over_and_nothing_else(
    api: Api, page: PageSeat, declaration_pages_dir: Path
) -> None:
    [kept] = stored(declaration_pages_dir)
    row = DeclarationPage.objects.get()
    old = declaration_pages_dir / "2026-01-01"
    old.mkdir()
    kept = kept.rename(old / kept.name)
    DeclarationPage.objects.filter(pk=row.pk).update(stored_name=f"2026-01-01/{kept.name}")
    orphan, today = old / "orphan.pdf", declaration_pages_dir / f"{datetime.now(UTC):%Y-%m-%d}"
    orphan.write_bytes(PDF)
    on_its_way = today / "on-its-way.pdf"
    on_its_way.write_bytes(PDF)
    assert list(files.orphans()) == ["2026-01-01/orphan.pdf"]
    tasks.sweep_orphans()
    assert stored(declaration_pages_dir) == sorted([kept, on_its_way])


def test_a_worker_that_is_shown_no_rows_removes_no_file(page: PageSeat, declaration_pages_dir: Path) -> None:
    """As one that comes to the database by the server's login."""
    (declaration_pages_dir / f"{datetime.now(UTC):%Y-%m-%d}").rename(declaration_pages_dir / "2026-01-01")
    [name] = [path.name for path in stored(declaration_pages_dir)]
    DeclarationPage.objects.update(stored_name=f"2026-01-01/{name}")
    with acting_as(API), pytest.raises(ImproperlyConfigured, match="agency_worker"):
        tasks.sweep_orphans()
    assert len(stored(declaration_pages_dir)) == 1


def test_a_sweep_that_is_cut_off_has_removed_what_it_found(
    db: None, declaration_pages_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As by the time limit, each day again, where there are very many files; so each begins with another day's."""
    for day in ("2026-01-01", "2026-01-02"):
        (declaration_pages_dir / day).mkdir(parents=True)
        (declaration_pages_dir / day / "orphan.pdf").write_bytes(PDF)
    listed = iter([FileSystemStorage.listdir] * 2)

    def list_two(self: Any, path: str) -> Any:
        if (listdir := next(listed, None)) is None:
            raise SoftTimeLimitExceeded
        return listdir(self, path)

    monkeypatch.setattr(FileSystemStorage, "listdir", list_two)
    with pytest.raises(SoftTimeLimitExceeded):
        tasks.sweep_orphans()
    assert len(stored(declaration_pages_dir)) == 1


def test_a_storage_without_anything_has_no_orphans(db: None, declaration_pages_dir: Path) -> None:
    assert list(files.orphans()) == []


def test_each_act_is_in_the_audit_trail_without_what_it_was_about(api: Api, page: PageSeat) -> None:
    token = page.submission.client.agent.token
    api.patch(page.path, token=token, json={"carrier": "Granite"})
    api.delete(page.path, token=token)
    entries = AuditEntry.objects.filter(target_id=page.uuid).order_by("id")
    assert [(one.action, one.facts) for one in entries] == [
        ("declaration_page.upload", {}),
        ("declaration_page.correct", {"changed": ["carrier"]}),
        ("declaration_page.remove", {}),
    ]
