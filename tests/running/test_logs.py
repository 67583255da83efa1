"""What all processes log in a day holds no person and opens no door; and a request's id leads to the jobs it caused.
Nor does anything open a door that the database holds at its end.

The processes are those of `make run`, and the day has all that may go wrong in it.
"""

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import pytest
import requests
from celery import Celery
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection
from django.db.models.functions import Now

from api.ids import new_id
from clients.models import DeclarationPage
from config.run import COMMANDS
from oauth_clients.services import create_client
from tests.clients.conftest import first_questions  # noqa: F401 - a fixture
from tests.conftest import COMMAND_LINE
from tests.stored import everything_stored
from tests.webhooks.scripted import Receiver, answer, receiving
from webhooks.models import Delivery, Subscription

from .conftest import Start, migrated_database_url, wait_for
from .day import ANSWER, DIGITS, EMAIL, FILE_NAME, MARK, PASSWORD, PERSON, PHONE, Browser, Day, visitor

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.drill]
LIMITS = {f"RATE_LIMIT_{name}": "1000000/m" for name in ("CREDENTIAL", "TOKEN", "ADDRESS", "LOGIN")}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """It fails, and says why in words that are nobody's business."""
    with receiving() as one:
        one.plans["/quix-secret-path"] = answer(500, f"no {EMAIL} here".encode())
        yield one


@pytest.fixture
def day(start: Start, receiver: Receiver, tmp_path: Path, port: str) -> Day:
    """With every process of the service, each with a log of its own."""
    for name, (role, command) in COMMANDS.items():
        start(
            "-m", *command,
            output=tmp_path / f"{name}.log",
            PORT=port,
            DATA_DIR=str(tmp_path),
            SECRET_KEY="s" * 60,
            ALLOW_INSECURE_HTTP="true",
            ALLOWED_HOSTS="127.0.0.1",
            WEBHOOKS_ALLOW_PRIVATE_ADDRESSES="true",
            MAIL_URL="smtp://quixuser:quixpassword@127.0.0.1:1",
            DATABASE_URL=migrated_database_url(role),
            REDIS_URL=os.environ["REDIS_URL"],
            **LIMITS,
        )  # fmt: skip
    row, secret = create_client(name="Quix Platform", actor=COMMAND_LINE)
    one = Day(f"http://127.0.0.1:{port}", row.client_id, secret, receiver.url("/quix-secret-path"))
    wait_for(lambda: one.call("GET", "/healthz").status_code == 200)
    return one


def logs(tmp_path: Path) -> dict[str, str]:
    """What each process wrote; and PostgreSQL, where it is the tests' own."""
    told = {path.stem: path.read_text() for path in tmp_path.glob("*.log")}
    assert told.keys() == COMMANDS.keys()
    [folder] = parse_qs(urlsplit(os.environ["DATABASE_URL"]).query).get("host", [""])
    database = Path(folder) / "server.log"
    return {**told, **({"database": database.read_text(errors="replace")} if database.exists() else {})}


@contextmanager
def unforeseen(name: str, table: str, column: str) -> Iterator[None]:
    """A rule of the database that no check of ours knows: whoever breaks it gets an error of ours, with the value."""
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE UNIQUE INDEX {name} ON {table} ({column}) WHERE id > '{new_id()}'")
        try:
            yield
        finally:
            cursor.execute(f"DROP INDEX {name}")


def go_wrong(day: Day) -> None:
    """Everything that is refused, and what fails on our side."""
    mail = quote(EMAIL)
    agents, pages = f"/v1/agencies/{day.agency_id}/agents", f"{day.submission}/declaration-pages"
    json_cut_off = {"data": f'{{"email": "{EMAIL}"', "headers": {"Content-Type": "application/json"}}
    tries = [
        (401, "POST", "/oauth/token", {"json": {"grant_type": "client_credentials", "client_id": EMAIL}}),
        (401, "GET", f"/v1/agents?access_token={day.partner}&filterByEmail={mail}", {}),
        (401, "GET", "/v1/agents", {"token": day.partner[:-1]}),
        (401, "GET", "/v1/agents", {"headers": {"Authorization": f"Quix {day.token} {EMAIL}"}}),
        (400, "GET", "/v1/agents", {"headers": {"Authorization": f"Bearer {day.token} {EMAIL}"}}),
        (403, "GET", f"/v1/agents?filterByEmail={mail}", {"token": day.token}),
        (422, "GET", f"/v1/agents?page={mail}", {"token": day.partner}),
        (422, "GET", f"/v1/agents?cursor={mail}", {"token": day.partner}),
        (404, "GET", f"/v1/agents/{mail}", {"token": day.partner}),
        (404, "GET", f"/{mail}", {}),
        (302, "GET", f"/admin/{mail}", {"allow_redirects": False}),
        (404, "GET", f"/{PERSON['first_name']}/{PERSON['last_name']}", {}),
        (404, "GET", f"/files/{day.secrets[-1][:-2]}", {}),
        (400, "POST", "/v1/client", {"token": day.token, **json_cut_off}),
        (422, "POST", "/v1/client", {"token": day.token, "json": {**PERSON, "email": f"no {EMAIL}"}}),
        (422, "POST", agents, {"token": day.partner, "json": {**PERSON, "email": EMAIL}}),
        (422, "PATCH", day.submission, {"token": day.token, "json": {"answers": {"auto": {"quix": ANSWER}}}}),
        (422, "POST", pages, {"token": day.token, "files": {"file": (FILE_NAME, b"x")}}),
        (413, "POST", "/v1/client", {"token": day.token, "json": {**PERSON, "email": EMAIL * 100_000}}),
        (200, "GET", "/v1/webhooks", {"token": day.token, "headers": {"X-Request-Id": EMAIL}}),
    ]  # fmt: skip
    came = [day.call(method, path, **facts).status_code for _, method, path, facts in tries]
    assert came == [status for status, *_ in tries]
    head = (
        f"GET /v1/agents HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization : Bearer {day.token}\r\nX-Mail: {EMAIL}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", int(day.url.rpartition(":")[2])), timeout=10) as caller:
        caller.sendall(head.encode())
        assert caller.recv(1000).startswith(b"HTTP/1.1 400")


def fail(day: Day, tmp_path: Path) -> None:
    """A request, then a worker, meet what no check foresaw."""
    with unforeseen("unforeseen_email", "clients_client", "email"):
        body = {**PERSON, "email": EMAIL, "phone_number": PHONE}
        assert [day.call("POST", "/v1/client", token=day.token, json=body).status_code for _ in "12"] == [201, 500]
    with unforeseen("unforeseen_policy", "clients_declarationpage", "policy_number"):
        pages = [day.upload()["uuid"] for _ in "12"]
        tried = DeclarationPage.objects.filter(pk__in=pages, reading_tried_at__isnull=False)
        wait_for(lambda: tried.count() == 2 and "unforeseen_policy" in logs(tmp_path)["worker"])


def be_a_consumer(day: Day) -> None:
    """Too fast, wrong, then right, with answers and a file, to the end."""
    day.data("PATCH", f"/v1/agents/{day.agent_id}/additional-questions", token=day.token, json={"enabled": True})
    one = visitor(day.url)
    assert one.open(f"/{day.slug}").status_code == 200
    filled = {**PERSON, "email": EMAIL, "phone_number": PHONE, "insurance_types": ["renters"]}
    assert one.send(**filled).status_code == 422  # a robot, it seems
    assert one.send(**{**filled, "email": f"no {EMAIL}"}).status_code == 422
    wait_for(lambda: one.send(**filled).status_code == 200 and "/s/" in one.path)
    day.secrets.append(one.path.rpartition("/")[2])
    [question] = [name for name in one.form.values if name.endswith("address")]
    assert one.send("save", **{question: ANSWER}).status_code == 200
    assert one.send("upload", files=[(FILE_NAME, b"%PDF-1.7\nquix", "application/pdf")]).status_code == 200
    assert one.send("finish").status_code == 200
    assert ANSWER in one.text
    assert visitor(day.url).open(f"/{day.slug}/s/{day.secrets[-1][:-1]}").status_code == 404
    assert visitor(day.url).open("/quixinda-quixworthy-abc").status_code == 404


def be_an_administrator(day: Day) -> None:
    """Logs in at the second try, searches for a person, looks at one, and is forged."""
    User.objects.create_superuser("quixadmin", password=PASSWORD)
    browser = Browser(day.url)

    def post(path: str, **values: str) -> requests.Response:
        token = browser.session.cookies.get("csrftoken", "")
        return browser.post(
            path, {name: [one] for name, one in {**values, "csrfmiddlewaretoken": token}.items()}, headers={}
        )

    browser.get("/admin/login/", headers={})
    assert post("/admin/login/", username="quixadmin", password=f"{PASSWORD}!").status_code == 200
    assert post("/admin/login/?next=/admin/", username="quixadmin", password=PASSWORD).status_code == 302
    day.secrets += [browser.session.cookies["sessionid"], browser.session.cookies["csrftoken"]]
    for page in ("clients/client", "agents/agent", "agencies/agency", "audit/auditentry"):
        assert browser.get(f"/admin/{page}/?q={quote(EMAIL)}", headers={}).status_code == 200
    client = day.client.rpartition("/")[2]
    assert browser.get(f"/admin/clients/client/{client}/change/", headers={}).status_code == 200
    forged = requests.post(f"{day.url}/admin/login/", {"username": "quixadmin", "password": PASSWORD}, timeout=10)
    assert forged.status_code == 403


def fail_for_a_day(day: Day) -> None:
    """What the webhook's receiver does is told to the admins, by a mail server that is away."""
    Subscription.objects.update(failing_since=Now() - timedelta(hours=25))
    Celery(broker=settings.CELERY_BROKER_URL, set_as_current=False).send_task("webhooks.tasks.watch")


def lines(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def jobs_are_found_by_their_requests_id(day: Day, tmp_path: Path) -> None:
    def told(process: str, request_id: str) -> set[object]:
        """The tasks that this process tells of under the request's id."""
        return {line.get("task") for line in lines(logs(tmp_path)[process]) if line.get("request_id") == request_id}

    wait_for(lambda: not Delivery.objects.filter(attempts=0).exists())
    day.change(**{"X-Request-Id": "the-change"})
    day.upload(**{"X-Request-Id": "the-upload"})
    wait_for(lambda: "webhooks.tasks.deliver" in told("webhook worker", "the-change"))
    wait_for(lambda: "clients.tasks.read_declaration_page" in told("worker", "the-upload"))
    assert told("server", "the-change") == {None}


@pytest.mark.usefixtures("first_questions")
def test_no_process_tells_of_a_person_or_a_secret_and_jobs_are_found_by_their_requests_id(
    day: Day, receiver: Receiver, tmp_path: Path
) -> None:
    day.begin()
    day.collect()
    jobs_are_found_by_their_requests_id(day, tmp_path)
    be_a_consumer(day)
    be_an_administrator(day)
    go_wrong(day)
    fail(day, tmp_path)
    fail_for_a_day(day)
    wait_for(lambda: receiver.hits and "mail" in logs(tmp_path)["worker"])
    wait_for(lambda: not Delivery.objects.filter(state="leased").exists())

    told = logs(tmp_path)
    codes = {line["code"] for line in lines(told["server"]) if line["event"] == "request_finished"}
    assert codes >= {200, 201, 302, 303, 400, 401, 403, 404, 413, 422, 500}
    words = [word.lower() for word in (MARK, *DIGITS, *day.secrets)]
    telling = [
        (name, line)
        for name, text in told.items()
        for line in text.splitlines()
        if any(word in line.lower() for word in words)
    ]
    assert telling == []

    stored = b"\n".join(everything_stored())
    assert EMAIL.encode() in stored  # the day's rows are there
    assert [secret for secret in (*day.secrets, PASSWORD) if secret.encode() in stored] == []
