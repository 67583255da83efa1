"""The form of credentials: a typo is refused by its checksum, without a query."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api import credentials
from tests.conftest import Api

KINDS = (credentials.OAUTH_ACCESS_TOKEN, credentials.OAUTH_CLIENT_SECRET, credentials.AGENT_TOKEN)
TOKENS = st.builds(credentials.generate, st.sampled_from(KINDS))


@given(TOKENS)
def test_a_generated_credential_is_of_its_kind(token: str) -> None:
    assert credentials.kind_of(token) == token[: len("agency_xxx")]


@given(TOKENS, st.data())
def test_any_one_changed_character_is_refused(token: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.characters().filter(lambda character: character != token[place]))
    assert credentials.kind_of(token[:place] + other + token[place + 1 :]) is None


@given(TOKENS, st.data())
def test_two_neighbours_swapped_are_refused(token: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(token) - 2).filter(lambda n: token[n] != token[n + 1]))
    swapped = token[:place] + token[place + 1] + token[place] + token[place + 2 :]
    assert credentials.kind_of(swapped) is None


@given(TOKENS, st.data())
def test_a_missing_or_added_character_is_refused(token: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(token) - 1))
    assert credentials.kind_of(token[:place] + token[place + 1 :]) is None
    assert credentials.kind_of(token[:place] + data.draw(st.characters()) + token[place:]) is None


@given(st.text(max_size=60))
def test_no_other_text_is_a_credential(text: str) -> None:
    assert credentials.kind_of(text) is None


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_cannot_be_passed_off_as_another(kind: str) -> None:
    body = credentials.generate(kind).removeprefix(kind)
    assert all(credentials.kind_of(other + body) is None for other in KINDS if other != kind)


@given(TOKENS)
def test_credentials_do_not_repeat(token: str) -> None:
    assert credentials.generate(token[:10]) != token


@pytest.mark.django_db
def test_a_typo_costs_no_query(api: Api, django_assert_num_queries: Any) -> None:
    token = credentials.generate(credentials.AGENT_TOKEN)
    typo = token[:-1] + ("0" if token[-1] != "0" else "1")
    with django_assert_num_queries(0):
        assert api.get("/v1/agents", token=typo).status_code == 401
    with django_assert_num_queries(1):
        assert api.get("/v1/agents", token=token).status_code == 401
