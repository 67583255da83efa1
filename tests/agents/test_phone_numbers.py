"""Phone numbers: possible ones, of the United States by default, given back as sent (contract §4.1)."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.exceptions import ValidationError

from agents.serializers import PhoneNumberField
from tests.answers import data, faults
from tests.conftest import AgencySeat, AgentSeat, Api


def change(api: Api, agency: AgencySeat, agent: AgentSeat, number: str) -> object:
    return api.patch(f"{agency.path}/agents/{agent.id}", token=agent.token, json={"phone_number": number})


@pytest.mark.parametrize(
    "number",
    ["", "2125550123", "(212) 555-0123", "+1 212 555 0123", "212.555.0123 x12", "+442079460958", "+49 30 901820"],
)
def test_a_possible_number_is_given_back_as_sent(api: Api, agency: AgencySeat, agent: AgentSeat, number: str) -> None:
    assert data(change(api, agency, agent, number))["phone_number"] == number


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("12", "invalid_phone_number"), ("555", "invalid_phone_number"), ("call me", "invalid_phone_number"),
        ("+999 1234567", "invalid_phone_number"), ("2" * 18, "invalid_phone_number"),
        ("212" + " " * 35 + "555 0123", "max_length"), ("212\u0000555", "invalid_phone_number"),
        ("<script>", "invalid_phone_number"),
    ],
)  # fmt: skip
def test_an_impossible_one_is_422(api: Api, agency: AgencySeat, agent: AgentSeat, number: str, expected: str) -> None:
    assert faults(change(api, agency, agent, number)) == {"phone_number": expected}


@given(st.text(max_size=45))
def test_any_text_is_taken_as_it_is_or_refused(text: str) -> None:
    with suppress(ValidationError):
        assert PhoneNumberField(allow_blank=True).run_validation(text) == text.strip()
