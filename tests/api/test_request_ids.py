"""X-Request-Id: the caller's if it is sane, else a new one; the same in the header and in an error."""

import uuid

import pytest

from tests.conftest import Api, PartnerSeat

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("sane", ["a", "0af7651916cd43dd8448eb211c80319c", "order:7.retry_2-b", "x" * 128])
def test_a_sane_id_is_kept(api: Api, sane: str) -> None:
    assert api.get("/v1/agents", x_request_id=sane).headers["X-Request-Id"] == sane


@pytest.mark.parametrize("insane", ["", "x" * 129, "two words", "line\nbreak", "<script>", "ü", '{"a":1}', "%0d%0a"])
def test_any_other_is_replaced(api: Api, insane: str) -> None:
    made = api.get("/v1/agents", x_request_id=insane).headers["X-Request-Id"]
    assert str(uuid.UUID(made)) == made


def test_each_request_gets_its_own(api: Api) -> None:
    made = {api.get("/v1/agents").headers["X-Request-Id"] for _ in range(5)}
    assert len(made) == 5


def test_an_error_quotes_it(api: Api) -> None:
    answer = api.get("/v1/agents", x_request_id="quote-me")
    assert answer.json()["error"]["request_id"] == "quote-me"


def test_a_good_answer_has_it_too(api: Api, partner: PartnerSeat) -> None:
    assert api.get("/v1/agents", token=partner.token, x_request_id="mine").headers["X-Request-Id"] == "mine"


def test_a_path_that_does_not_exist_has_it_too(api: Api) -> None:
    answer = api.get("/v1/nothing", x_request_id="mine")
    assert (answer.headers["X-Request-Id"], answer.json()["error"]["request_id"]) == ("mine", "mine")
