"""Reads carry an ETag; If-None-Match gets 304."""

import pytest

from tests.conftest import AgencySeat, AgentSeat, Api, PartnerSeat


@pytest.fixture
def path(agency: AgencySeat) -> str:
    return agency.path


@pytest.fixture
def token(admin_agent: AgentSeat) -> str:
    return admin_agent.token


def test_what_is_unchanged_is_not_sent_again(api: Api, path: str, token: str) -> None:
    etag = api.get(path, token=token).headers["ETag"]
    answer = api.get(path, token=token, if_none_match=etag)
    assert (answer.status_code, answer.content, answer.headers["ETag"]) == (304, b"", etag)


def test_a_304_has_the_headers_of_every_answer(api: Api, path: str, token: str) -> None:
    etag = api.get(path, token=token).headers["ETag"]
    answer = api.get(path, token=token, if_none_match=etag)
    expected = {"X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "X-Request-Id", "Cache-Control"}
    assert expected <= answer.headers.keys()


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_304_tells_the_length_of_what_it_does_not_send(api: Api, path: str, token: str, method: str) -> None:
    """Any other length it must not tell (RFC 9110 §8.6): who kept the answer would cut it to that."""
    whole = api.get(path, token=token)
    answer = api.call(method, path, token=token, if_none_match=whole.headers["ETag"])
    assert (answer.status_code, answer.content) == (304, b"")
    assert answer.headers["Content-Length"] == str(len(whole.content))


@pytest.mark.parametrize("form", ["*", "W/{}", '"other", {}'])
def test_every_form_of_the_header_is_read(api: Api, path: str, token: str, form: str) -> None:
    etag = api.get(path, token=token).headers["ETag"]
    assert api.get(path, token=token, if_none_match=form.format(etag)).status_code == 304


def test_another_etag_gets_the_whole_answer(api: Api, path: str, token: str) -> None:
    answer = api.get(path, token=token, if_none_match='"other"')
    assert (answer.status_code, answer.json()["data"]["name"]) == (200, "Harbour Insurance")


def test_a_write_changes_it(api: Api, path: str, token: str) -> None:
    before = api.get(path, token=token).headers["ETag"]
    api.patch(path, token=token, json={"name": "Renamed"})
    answer = api.get(path, token=token, if_none_match=before)
    assert (answer.status_code, answer.json()["data"]["name"]) == (200, "Renamed")
    assert answer.headers["ETag"] != before


def test_head_gives_the_headers_and_no_body(api: Api, path: str, token: str) -> None:
    whole, head = api.get(path, token=token), api.head(path, token=token)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["ETag"] == whole.headers["ETag"]
    assert head.headers["Content-Length"] == str(len(whole.content))


def test_head_gets_304_too(api: Api, path: str, token: str) -> None:
    etag = api.get(path, token=token).headers["ETag"]
    assert api.head(path, token=token, if_none_match=etag).status_code == 304


def test_a_page_of_a_list_has_one(api: Api, partner: PartnerSeat, agency: AgencySeat, agent: AgentSeat) -> None:
    etag = api.get("/v1/agents?perPage=1", token=partner.token).headers["ETag"]
    assert api.get("/v1/agents?perPage=1", token=partner.token, if_none_match=etag).status_code == 304
    assert api.get("/v1/agents?perPage=1&page=2", token=partner.token, if_none_match=etag).status_code == 200


def test_writes_and_errors_have_none(api: Api, path: str, token: str) -> None:
    assert "ETag" not in api.patch(path, token=token, json={"name": "Renamed"}).headers
    assert "ETag" not in api.get(f"{path}999", token=token).headers


def test_answers_are_for_the_caller_alone(api: Api, path: str, token: str) -> None:
    assert api.get(path, token=token).headers["Cache-Control"] == "private, no-cache"
    assert api.patch(path, token=token, json={"name": "Renamed"}).headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "precondition",
    [
        {"if_match": '"other"'},
        {"if_unmodified_since": "Thu, 01 Jan 2015 00:00:00 GMT"},
        {"if_modified_since": "Fri, 01 Jan 2038 00:00:00 GMT"},
    ],
)
def test_other_preconditions_change_nothing(api: Api, path: str, token: str, precondition: dict[str, str]) -> None:
    answer = api.get(path, token=token, **precondition)
    assert (answer.status_code, answer.json()["data"]["name"]) == (200, "Harbour Insurance")
