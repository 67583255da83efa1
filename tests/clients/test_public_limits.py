"""What the public page takes at most, from whom, and what of it is logged (contract §9)."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings as live
from django.db import OperationalError
from django.test import RequestFactory
from django.urls import resolve

from clients.models import Client, DeclarationPage, Submission
from clients.public import views
from clients.services import submissions
from tests.answers import data
from tests.clients.conftest import FILLED, JOE, PDF, begin, new_client, new_page, new_submission, upload
from tests.clients.visitor import Visitor
from tests.conftest import AgentSeat, Api

# --- how often ----------------------------------------------------------------------------------------


def test_an_address_begins_so_often_an_hour_and_is_told_without_losing_anything(
    visitor: Visitor, agent: AgentSeat, settings: Any
) -> None:
    settings.RATE_LIMIT_PUBLIC_START = "2/h"
    for status in (200, 200, 429):
        begin(visitor, agent)
        assert visitor.answer.status_code == status
    assert "Too many requests came from your network" in visitor.faults[0]
    assert 1 <= int(visitor.answer.headers["Retry-After"]) <= 3600
    assert JOE.items() <= {name: values[0] for name, values in visitor.form.values.items()}.items()
    assert visitor.form.values["insurance_types"] == FILLED["insurance_types"]
    assert Client.objects.count() == 2
    visitor.address = "127.0.0.2"
    begin(visitor, agent)
    assert Client.objects.count() == 3


def test_an_agents_page_is_used_so_often_an_hour_whatever_the_address(
    visitor: Visitor, agent: AgentSeat, colleague: AgentSeat, settings: Any
) -> None:
    settings.RATE_LIMIT_PUBLIC_AGENT = "2/h"
    for number, status in enumerate((200, 200, 429), start=1):
        visitor.address = f"127.0.0.{number}"
        begin(visitor, agent)
        assert visitor.answer.status_code == status
    begin(visitor, colleague)
    assert visitor.answer.status_code == 200


def test_mistakes_do_not_count(visitor: Visitor, agent: AgentSeat, settings: Any) -> None:
    settings.RATE_LIMIT_PUBLIC_START = "1/h"
    begin(visitor, agent, email="joe@home")
    visitor.send(first_name="")
    visitor.send(**FILLED)
    assert Client.objects.count() == 1


def test_changes_and_uploads_are_counted_together(visitor: Visitor, asking: AgentSeat, settings: Any) -> None:
    settings.RATE_LIMIT_PUBLIC_CHANGE = "2/h"
    begin(visitor, asking, insurance_types=["auto"])
    visitor.send("save", auto__drivers="2")
    visitor.send("upload", files=upload())
    visitor.send("upload", files=upload(), auto__drivers="3")
    assert visitor.answer.status_code == 429
    assert "Too many requests came from your network" in visitor.faults[0]
    assert int(visitor.answer.headers["Retry-After"]) >= 1
    assert visitor.form.values["auto.drivers"] == ["3"]
    assert DeclarationPage.objects.count() == 1
    assert Submission.objects.get().answers == {"auto": {"drivers": 2}}
    large = visitor.send("upload", files=upload(PDF + bytes(live.MAX_JSON_BYTES)))
    assert large.status_code == 429
    assert "<form" not in visitor.text  # refused before it was read
    assert visitor.open(visitor.path).status_code == 200


def test_slugs_and_links_cannot_be_searched(visitor: Visitor, agent: AgentSeat, settings: Any) -> None:
    settings.RATE_LIMIT_ADDRESS = "2/m"
    paths = ("/nobody-at-all", f"/{agent.slug}/s/x", f"/{agent.slug}/s/y", "/nobody-else")
    answers = [visitor.open(path) for path in paths]
    assert [answer.status_code for answer in answers] == [404, 404, 429, 429]
    assert int(answers[-1].headers["Retry-After"]) >= 1
    assert visitor.open(f"/{agent.slug}").status_code == 200


# --- how much -----------------------------------------------------------------------------------------


def test_a_body_is_bounded_before_it_is_read(visitor: Visitor, agent: AgentSeat) -> None:
    visitor.open(f"/{agent.slug}")
    link = begin(Visitor(), agent).path
    for path, most in ((visitor.path, live.MAX_JSON_BYTES), (link, views.LARGEST_BODY)):
        answer = visitor.browser.generic(
            "POST", path, b"", "multipart/form-data; boundary=x", CONTENT_LENGTH=str(most + 1)
        )
        assert (answer.status_code, answer.headers["Content-Type"]) == (413, "text/html; charset=utf-8")


def test_nothing_is_read_where_there_is_no_page(visitor: Visitor, agent: AgentSeat) -> None:
    begin(visitor, agent)
    for path in ("/nobody-at-all", f"/{agent.slug}/s/x"):
        request = RequestFactory().post(path, {"files": upload()})
        assert resolve(path).func(request, **resolve(path).kwargs).status_code == 404
        assert not request._read_started


def test_so_are_its_fields_and_files(visitor: Visitor, agent: AgentSeat) -> None:
    begin(visitor, agent)
    values = visitor.form.values
    for much, status in (
        ({"act": "save", **{f"field{number}": "x" for number in range(live.DATA_UPLOAD_MAX_NUMBER_FIELDS)}}, 400),
        ({"first_name": "x" * live.MAX_JSON_BYTES}, 413),
        ({"files": [upload() for _ in range(live.DATA_UPLOAD_MAX_NUMBER_FILES + 1)]}, 413),
    ):
        answer = visitor.post({**values, **much})
        assert (answer.status_code, answer.headers["Content-Type"]) == (status, "text/html; charset=utf-8")
        assert ("send less at a time" in answer.content.decode()) == (status == 413)
    assert not DeclarationPage.objects.exists()


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data", b"--x"),
        ("multipart/form-data; boundary=x", b"--x\r\nnonsense"),
        ("application/x-www-form-urlencoded", b"%ff%fe=%00&first_name=%ED%A0%80"),
        ("application/json", b'{"first_name": "Joe"}'),
        ("text/plain; charset=nonsense", b"\xff"),
        ("application/x-www-form-urlencoded; charset=utf-16", b"\xff"),
    ],
)
def test_what_no_browser_sends_is_refused_as_a_page(visitor: Visitor, agent: AgentSeat, kind: str, body: bytes) -> None:
    begin(visitor, agent)
    token = visitor.browser.cookies["csrftoken"].value
    for path in (f"/{agent.slug}", visitor.path):
        answer = visitor.browser.generic("POST", path, body, kind, headers={"x-csrftoken": token})
        assert answer.status_code < 500
        if answer.content:
            assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert Client.objects.count() == 1


def test_a_body_of_unknown_length_is_refused(visitor: Visitor, agent: AgentSeat) -> None:
    answer = visitor.browser.generic("POST", f"/{agent.slug}", headers={"transfer-encoding": "chunked"})
    assert answer.status_code == 400  # Django would take it for an empty one


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS"])
def test_other_methods_are_405(visitor: Visitor, agent: AgentSeat, method: str) -> None:
    begin(visitor, agent)
    token = visitor.browser.cookies["csrftoken"].value
    for path in (f"/{agent.slug}", visitor.path):
        answer = visitor.browser.generic(method, path, headers={"x-csrftoken": token})
        assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD, POST")


# --- from whom ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["no cookie", "another token", "another site"])
def test_a_forged_form_does_nothing_and_a_person_is_told_what_to_do(
    visitor: Visitor, agent: AgentSeat, way: str
) -> None:
    visitor.open(f"/{agent.slug}")
    values = {**visitor.form.values, **FILLED}
    headers = {"origin": "https://evil.example"} if way == "another site" else {}
    if way == "no cookie":
        visitor.browser.cookies.clear()
    if way == "another token":
        values["csrfmiddlewaretoken"] = ["x" * 64]
    answer = visitor.browser.post(visitor.path, values, headers=headers)
    assert (answer.status_code, answer.headers["Content-Type"]) == (403, "text/html; charset=utf-8")
    assert "Allow cookies for this site" in answer.content.decode()
    assert not Client.objects.exists()


def test_neither_is_a_change_made_by_a_forged_form(visitor: Visitor, agent: AgentSeat) -> None:
    begin(visitor, agent)
    answer = Visitor().browser.post(visitor.path, {"act": "finish", "insurance_types": "life"})
    assert answer.status_code == 403
    assert Submission.objects.get().insurance_types == ["auto", "home"]


# --- what goes wrong on our side ------------------------------------------------------------------------


@pytest.mark.parametrize(("failure", "status"), [(RuntimeError("the inside"), 500), (OperationalError("away"), 503)])
def test_a_failure_of_ours_is_a_page_without_a_word_of_why(
    visitor: Visitor, agent: AgentSeat, monkeypatch: pytest.MonkeyPatch, failure: Exception, status: int
) -> None:
    begin(visitor, agent)

    def fail(**_: Any) -> None:
        raise failure

    monkeypatch.setattr(submissions, "change_submission", fail)
    visitor.send("save", insurance_types=["life"])
    assert (visitor.answer.status_code, visitor.answer.headers["Content-Type"]) == (status, "text/html; charset=utf-8")
    assert str(failure) not in visitor.text
    assert visitor.answer.headers["X-Request-Id"] in visitor.text


def test_half_a_start_leaves_nothing(visitor: Visitor, agent: AgentSeat, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(submissions, "MAX_SUBMISSIONS", 0)
    begin(visitor, agent)
    assert visitor.answer.status_code == 404
    assert not Client.objects.exists()


# --- what is logged -----------------------------------------------------------------------------------


def test_the_log_of_a_visit_opens_nothing_and_names_nobody(
    visitor: Visitor, asking: AgentSeat, logged: Callable[[], str]
) -> None:
    logged()
    begin(visitor, asking, insurance_types=["auto"], email="joe@private.example", phone_number="2125550177")
    secret = visitor.path.rpartition("/")[2]
    visitor.send("upload", files=[upload(name="joes-policy.pdf"), upload(b"no such", "joes-note.txt")])
    visitor.send("save", auto__drivers="secretly two")
    visitor.open(f"/{asking.slug}/s/{secret}/typing-mistake")
    visitor.open(f"/nobody-here/s/{secret}")
    visitor.open(f"/{asking.slug}/s/{secret[:-1]}")
    visitor.browser.get(f"/{asking.slug}/s/{secret}", headers={"host": "evil.example"})
    forged = {"referer": f"https://evil.example/{secret}", "origin": "https://evil.example"}
    visitor.browser.post(f"/{asking.slug}/s/{secret}", headers=forged)
    text = logged()
    lines = [json.loads(line) for line in text.splitlines()]
    told = {line["request"] for line in lines if line["event"] == "request_finished"}
    assert {"GET /<slug>", "POST /<slug>", "GET /<slug>/s/…", "POST /<slug>/s/…"} <= told
    private = (secret, secret[:-1], secret.split("_")[2][:20], "private.example", "5550177", "joes-", "secretly", "Joe")
    assert [one for one in private if one in text] == []
    assert asking.slug not in "".join(one for one in told if "typing" not in one and "/s/" not in one)


def test_nor_does_the_log_of_a_link_to_a_file(api: Api, agent: AgentSeat, logged: Callable[[], str]) -> None:
    page = new_page(api, new_submission(api, new_client(api, agent)))
    url = data(api.get(page.link_path, token=agent.token))["url"]
    logged()
    assert api.get(url.removeprefix("http://testserver")).status_code == 200
    text = logged()
    assert '"GET /files/…"' in text
    assert url.rpartition("/")[2] not in text
