"""Every error in one envelope, of any layer; nothing a caller sends is a 500 (contract §2)."""

import errno
import json
from collections.abc import Callable
from encodings.aliases import aliases
from typing import Any
from urllib.parse import urlencode

import pytest
from django.core.cache import cache
from django.db import OperationalError
from django.http import HttpResponse
from hypothesis import given
from hypothesis import strategies as st

from agencies import services
from agencies.models import Agency
from tests.conftest import AgencySeat, AgentSeat, Api, PartnerSeat, new_agency, partner_seat
from tests.pictures import upload
from tests.web import WebClient

AGENCY = {"agency_name": "New", "email": "new@example.com", "first_name": "New", "last_name": "Owner"}


def error(answer: HttpResponse, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.content
    assert answer.headers["Content-Type"] == "application/json"
    body = answer.json()
    assert list(body) == ["error"]
    assert body["error"]["code"] == code
    assert body["error"]["message"]
    assert body["error"]["request_id"] == answer.headers["X-Request-Id"]
    return body["error"]


# --- what cannot be read ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        b"{", b"nul", b'{"a": NaN}', b'{"a": 1,}', b"\xff\xfe", b'"\\ud800"', b"{'a': 1}", b"[" * 100_000,
        b'{"a": "\x00"}', b"\xef\xbb\xbf{}",
    ],
)  # fmt: skip
def test_malformed_json_is_400(api: Api, partner: PartnerSeat, body: bytes) -> None:
    error(api.post("/v1/agencies", token=partner.token, body=body), 400, "malformed")


@pytest.mark.parametrize("field", ["sales_funnel_status", "agent_id", "email", "unknown"])
@pytest.mark.parametrize("headers", [{}, {"idempotency_key": "key"}])
def test_json_that_is_nested_too_deeply_is_400(api: Api, agent: AgentSeat, field: str, headers: dict[str, str]) -> None:
    for depth in (260, 600, 990, 1_020):
        body = f'{{"{field}": {"[" * depth}{"]" * depth}}}'.encode()
        error(api.post("/v1/client", token=agent.token, body=body, **headers), 400, "malformed")
    body = f'{{"{field}": {"[" * 100}{"]" * 100}}}'.encode()
    error(api.post("/v1/client", token=agent.token, body=body, **headers), 422, "invalid")


@pytest.mark.parametrize("body", [[], "text", 1, None, True, [{"agency_name": "x"}]])
def test_json_that_is_no_object_is_422(api: Api, partner: PartnerSeat, body: Any) -> None:
    sent = json.dumps(body).encode()
    details = error(api.post("/v1/agencies", token=partner.token, body=sent), 422, "invalid")["details"]
    assert [detail["field"] for detail in details] == ["body"]


RENAMED = b'--x\r\nContent-Disposition: form-data; name="name"\r\n\r\nRenamed'


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data", RENAMED + b"\r\n--x--\r\n"),
        ("multipart/form-data; boundary=", RENAMED + b"\r\n--x--\r\n"),
        ("multipart/form-data; boundary=x", b"no parts at all"),
        ("multipart/form-data; boundary=y", RENAMED + b"\r\n--x--\r\n"),
        ("multipart/form-data; boundary=x", RENAMED),
        ("multipart/form-data; boundary=x", RENAMED + b"\r\n--x"),
        ("multipart/form-data; boundary=x", RENAMED + b"\r\n--x\r\n"),
    ],
)
def test_malformed_multipart_is_400_and_changes_nothing(api: Api, agency: AgencySeat, kind: str, body: bytes) -> None:
    error(api.call("PATCH", agency.path, token=agency.owner.token, body=body, content_type=kind), 400, "malformed")
    assert Agency.objects.get(pk=agency.id).name == agency.name


@pytest.mark.parametrize("end", [b"\r\n--x--\r\n", b"\r\n--x--", b"\n--x--\n", b"\r\n--x-- \r\nan epilogue"])
def test_multipart_that_ends_as_it_should_is_read(api: Api, agency: AgencySeat, end: bytes) -> None:
    kind = "multipart/form-data; boundary=x"
    answer = api.call("PATCH", agency.path, token=agency.owner.token, body=RENAMED + end, content_type=kind)
    assert (answer.status_code, answer.json()["data"]["name"]) == (200, "Renamed")


def test_too_many_form_fields_are_413(api: Api, agency: AgencySeat) -> None:
    form = {f"field{number}": "x" for number in range(1_001)}
    answer = api.call("PATCH", agency.path, token=agency.owner.token, form=form)
    assert answer.status_code in (400, 413)
    assert answer.json()["error"]["code"] in ("malformed", "too_large")


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "application/x-www-form-urlencoded", "nonsense"])
def test_other_content_types_are_415(api: Api, partner: PartnerSeat, kind: str) -> None:
    answer = api.post("/v1/agencies", token=partner.token, body=b"a=b", content_type=kind)
    error(answer, 415, "unsupported_media_type")


def test_multipart_where_no_file_is_taken_is_415(api: Api, partner: PartnerSeat) -> None:
    error(api.post("/v1/agencies", token=partner.token, form=AGENCY), 415, "unsupported_media_type")


@pytest.mark.parametrize(("accept", "status"), [
    ("application/json", 200), ("*/*", 200), ("application/*", 200), ("text/html, */*;q=0.1", 200), ("", 200),
    ("text/html", 406), ("application/xml", 406), ("a/b; c*=d; c*1=e", 406), ("a/b; c*=nope''d", 406),
])  # fmt: skip
def test_answers_are_json_or_406(api: Api, partner: PartnerSeat, accept: str, status: int) -> None:
    answer = api.get("/v1/agents", token=partner.token, accept=accept)
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/json")


def test_a_body_of_more_than_a_mebibyte_is_413(api: Api, partner: PartnerSeat, settings: Any) -> None:
    room = settings.MAX_JSON_BYTES - len(json.dumps({**AGENCY, "more": ""}))
    assert api.post("/v1/agencies", token=partner.token, json={**AGENCY, "more": "x" * room}).status_code == 201
    answer = api.post("/v1/agencies", token=partner.token, json={**AGENCY, "more": "x" * (room + 1)})
    error(answer, 413, "too_large")
    form = {"name": "x" * (settings.MAX_JSON_BYTES + 1)}
    agency = new_agency(partner, "New")
    error(api.call("PATCH", agency.path, token=agency.owner.token, form=form), 413, "too_large")


def test_a_body_of_unknown_length_is_400_and_not_taken_for_an_empty_one(api: Api, partner: PartnerSeat) -> None:
    path = f"/v1/agencies/{new_agency(partner, 'New').id}/reactivate"
    error(api.post(path, token=partner.token, transfer_encoding="chunked"), 400, "malformed")


def test_a_large_file_is_413_before_it_is_read(api: Api, agency: AgencySeat, settings: Any) -> None:
    large = upload(b"\0" * (settings.MAX_PICTURE_BYTES + settings.MAX_JSON_BYTES))
    error(api.call("PATCH", agency.path, token=agency.owner.token, form={"logo": large}), 413, "too_large")


# --- what is not there --------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [
    "/v1/", "/v1/nothing", "/v1/agents/", "/v1/agencies/1/agents/1/nothing", "/v1/agencies/one", "/v1/agencies/-1",
    "/v1/agencies/1.json", "/v1//agents", "/v1/%00", "/v1/agencies/%F0%9F%98%80",
])  # fmt: skip
def test_a_path_that_is_not_there_is_404_as_json(api: Api, db: None, path: str) -> None:
    for method in ("GET", "POST", "PATCH", "DELETE"):
        error(api.call(method, path), 404, "not_found")


@pytest.mark.parametrize(("path", "accept", "kind"), [
    ("/nothing", "text/html,*/*;q=0.8", "text/html; charset=utf-8"), ("/nothing", "*/*", "application/json"),
    ("/files/x", "text/html", "text/html; charset=utf-8"), ("/files/x", "application/json", "application/json"),
    ("/v1/nothing", "text/html", "application/json"), ("/.well-known/nothing", "text/html", "application/json"),
])  # fmt: skip
def test_outside_of_the_api_who_comes_by_a_browser_gets_a_page(
    api: Api, db: None, path: str, accept: str, kind: str
) -> None:
    answer = api.get(path, accept=accept)
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, kind)
    assert answer.headers["X-Request-Id"] in answer.content.decode()


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
@pytest.mark.parametrize(
    "path",
    ["/openapi.json", "/docs/", "/docs", "/", "/healthz", "/readyz", "/metrics", "/files/any", "/theme/1D4ED8.css",
     "/media/pictures/any.png"],
)  # fmt: skip
def test_what_takes_no_such_method_says_so_and_asks_for_no_cookie(api: Api, db: None, method: str, path: str) -> None:
    answer = api.call(method, path)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD")
    if path != "/docs/":  # a page
        assert answer.json()["error"]["code"] == "method_not_allowed"
    assert "Set-Cookie" not in answer.headers


def test_a_host_that_is_not_ours_is_400(api: Api, db: None) -> None:
    assert api.get("/v1/agents", host="evil.example").status_code == 400


# --- what we did not foresee --------------------------------------------------------------------------


def failing_with(failure: Exception) -> Any:
    def fail(**_: Any) -> None:
        raise failure

    return fail


def test_the_unforeseen_is_500_without_a_word_of_why_and_logged_once(
    api: Api, partner: PartnerSeat, monkeypatch: pytest.MonkeyPatch, logged: Callable[[], str]
) -> None:
    monkeypatch.setattr(services, "create_agency", failing_with(RuntimeError("the inside")))
    logged()
    answer = api.post("/v1/agencies", token=partner.token, json=AGENCY)
    error(answer, 500, "internal")
    assert b"inside" not in answer.content
    lines = [json.loads(line) for line in logged().splitlines()]
    failed = [line for line in lines if "the inside" in str(line)]
    assert [line["event"] for line in failed] == ["request_failed"]
    assert failed[0]["request_id"] == answer.headers["X-Request-Id"]


@pytest.mark.parametrize(
    "failure", [OperationalError("the server is starting up"), OSError(errno.ENOSPC, "no space: starting up")], ids=repr
)
def test_a_database_that_is_away_or_a_full_disk_is_503_and_says_when_to_come_back(
    api: Api, partner: PartnerSeat, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    monkeypatch.setattr(services, "create_agency", failing_with(failure))
    answer = api.post("/v1/agencies", token=partner.token, json=AGENCY)
    error(answer, 503, "unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    assert b"starting" not in answer.content


# --- anything at all ----------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc", max_size=3), inner, max_size=4),
    max_leaves=8,
)  # fmt: skip
NAMES = [
    "agency_name", "first_name", "last_name", "email", "referral", "slug_suffix", "phone_number", "is_admin",
    "profile_picture", "name", "color_code", "logo", "agent_id", "agents", "enabled",
]  # fmt: skip
BODIES = JSON | st.dictionaries(st.sampled_from(NAMES), JSON, max_size=8)
EXPECTED = {200, 201, 204, 400, 403, 404, 405, 413, 415, 422}


@pytest.fixture(scope="module")
def patient() -> str:
    """A limit that no property reaches."""
    return "1000000/m"


@given(body=BODIES, call=st.integers(0, 8))
def test_no_json_is_a_500(
    agency: AgencySeat, partner: PartnerSeat, agent: AgentSeat, settings: Any, patient: str, body: Any, call: int
) -> None:
    settings.RATE_LIMIT_CREDENTIAL = patient
    mine, theirs = agency.owner.token, partner.token
    method, path, token = [
        ("POST", "/v1/agencies", theirs),
        ("POST", f"{agency.path}/agents", theirs),
        ("POST", f"{agency.path}/agents/bulk", theirs),
        ("POST", f"{agency.path}/transfer-ownership", theirs),
        ("POST", f"{agency.path}/reactivate", theirs),
        ("POST", f"/v1/agents/{agent.id}/reset-access-token", theirs),
        ("PATCH", agency.path, mine),
        ("PATCH", f"{agency.path}/agents/{agent.id}", mine),
        ("PATCH", f"/v1/agents/{agent.id}/additional-questions", mine),
    ][call]
    answer = Api().call(method, path, token=token, body=json.dumps(body).encode())
    assert answer.status_code in EXPECTED, answer.content
    assert answer.json().keys() <= {"data", "error"}


@given(
    body=st.binary(max_size=200),
    kind=st.sampled_from(["application/json", "multipart/form-data; boundary=x", "application/json; charset=utf-16"])
    | st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40),
)
def test_no_bytes_are_a_500(agency: AgencySeat, settings: Any, patient: str, body: bytes, kind: str) -> None:
    settings.RATE_LIMIT_CREDENTIAL = patient
    answer = Api().call("PATCH", agency.path, token=agency.owner.token, body=body, content_type=kind)
    assert answer.status_code in EXPECTED, answer.content


FORM = b'--b\r\nContent-Disposition: form-data; name="name"\r\n\r\n%b\r\n--b--\r\n'


@pytest.mark.parametrize("name", [b"+2AA- \\ud800", b"\xff\xfe\x00\xd8"])
def test_no_encoding_of_a_form_is_a_500(db: None, agency: AgencySeat, name: bytes) -> None:
    """Python knows some that are none of text, or give what is none."""
    for encoding in sorted({*aliases.values(), "idna", "punycode", "undefined", "unicode_escape"}):
        cache.clear()
        kind = f"multipart/form-data; boundary=b; charset={encoding}"
        answer = Api().call("PATCH", agency.path, token=agency.owner.token, body=FORM % name, content_type=kind)
        assert answer.status_code in EXPECTED, (encoding, answer.content)
        form = FORM.replace(b'"name"', b'"username"') % name
        answer = WebClient(raise_request_exception=False).generic("POST", "/admin/login/", form, content_type=kind)
        assert answer.status_code == 200, encoding


def test_a_form_is_read_in_the_encoding_that_it_tells(api: Api, agency: AgencySeat) -> None:
    for encoding in ("utf-8", "iso-8859-1", "windows-1252"):
        kind = f"multipart/form-data; boundary=b; charset={encoding}"
        body = FORM % "Zoë".encode(encoding)
        answer = api.call("PATCH", agency.path, token=agency.owner.token, body=body, content_type=kind)
        assert answer.json()["data"]["name"] == "Zoë"


@given(query=st.dictionaries(
    st.sampled_from(["page", "perPage", "filterByEmail", "includeDeactivated", "x"]), st.text(max_size=30), max_size=5
))  # fmt: skip
def test_no_query_is_a_500(partner: PartnerSeat, settings: Any, patient: str, query: dict[str, str]) -> None:
    settings.RATE_LIMIT_CREDENTIAL = patient
    for path in ("/v1/agents", "/v1/agencies"):
        answer = Api().get(f"{path}?{urlencode(query, errors='surrogatepass')}", token=partner.token)
        assert answer.status_code in (200, 422), answer.content


@given(value=st.text(st.characters(min_codepoint=1, max_codepoint=255), max_size=80))
def test_no_header_is_a_500(db: None, settings: Any, patient: str, value: str) -> None:
    settings.RATE_LIMIT_ADDRESS = settings.RATE_LIMIT_CREDENTIAL = patient
    token = partner_seat(Api(), "Partner").token
    for name in ("authorization", "accept", "idempotency_key", "x_request_id", "if_none_match", "x_forwarded_for"):
        headers = {"token": token} if name != "authorization" else {}
        answer = Api().post("/v1/agencies", json=AGENCY, **headers, **{name: value})
        assert answer.status_code in {201, 400, 401, 406, 409, 422}, (name, answer.content)
