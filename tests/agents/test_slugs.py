"""Slugs: `first-last-xyz`, ASCII, unique over the platform (contract §4.1)."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents import services
from agents.slugs import random_suffix, slug_of
from tests.answers import data, faults
from tests.conftest import AgencySeat, Api, PartnerSeat, new_agency

FORM = re.compile(r"[a-z0-9]+(-[a-z0-9]+)+")
NAMES = st.text(min_size=1, max_size=100)


def add(api: Api, partner: PartnerSeat, agency: AgencySeat, email: str = "a@example.com", **changes: Any) -> Any:
    body = {"first_name": "Ann", "last_name": "Agent", "email": email, **changes}
    return api.post(f"{agency.path}/agents", token=partner.token, json=body)


@given(NAMES, NAMES)
def test_any_name_gives_a_slug_of_that_form_that_fits(first: str, last: str) -> None:
    slug = slug_of(first, last, random_suffix())
    assert FORM.fullmatch(slug)
    assert len(slug) <= 120


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        ("Ann", "Agent", "ann-agent-"), ("Zoë", "Müller-Lüdenscheid", "zoe-muller-ludenscheid-"),
        ("保険", "代理", "agent-"), ("Ann_Marie", "O'Neil", "ann-marie-oneil-"), ("😀", "Ali", "ali-"),
        ("../admin", "<b>", "admin-b-"),
    ],
)  # fmt: skip
def test_a_slug_is_made_of_the_names(
    api: Api, partner: PartnerSeat, agency: AgencySeat, first: str, last: str, expected: str
) -> None:
    slug = data(add(api, partner, agency, first_name=first, last_name=last))["slug"]
    assert slug.startswith(expected)
    assert re.fullmatch(r"[a-z0-9]{3,}", slug.removeprefix(expected))


def test_the_same_names_get_different_slugs(api: Api, partner: PartnerSeat, agency: AgencySeat) -> None:
    assert len({data(add(api, partner, agency, f"{n}@example.com"))["slug"] for n in range(5)}) == 5


def test_a_suffix_of_ones_own_is_taken_over_the_whole_platform(
    api: Api, partner: PartnerSeat, agency: AgencySeat, foreign_partner: PartnerSeat, foreign_agency: AgencySeat
) -> None:
    assert data(add(api, partner, agency, slug_suffix="Desk-7"))["slug"] == "ann-agent-desk-7"
    assert faults(add(api, foreign_partner, foreign_agency, slug_suffix="desk-7")) == {"slug_suffix": "slug_taken"}
    assert data(add(api, foreign_partner, foreign_agency, slug_suffix="desk-8"))["slug"] == "ann-agent-desk-8"


@pytest.mark.parametrize(
    ("suffix", "expected"),
    [
        ("", "blank"), ("-a", "invalid"), ("a-", "invalid"), ("a--b", "invalid"), ("a_b", "invalid"),
        ("a b", "invalid"), ("ä", "invalid"), ("a/b", "invalid"), ("x" * 41, "max_length"), ("a\n", "slug"),
    ],
)  # fmt: skip
def test_a_suffix_has_a_form(api: Api, partner: PartnerSeat, agency: AgencySeat, suffix: str, expected: str) -> None:
    answer = add(api, partner, agency, slug_suffix=suffix)
    if expected == "slug":  # white space around a value is no part of it, as in every other field
        assert data(answer)["slug"] == "ann-agent-a"
    else:
        assert faults(answer) == {"slug_suffix": expected}


def test_a_reserved_word_is_never_a_slug(api: Api, partner: PartnerSeat, agency: AgencySeat) -> None:
    answer = add(api, partner, agency, first_name="Well", last_name="保", slug_suffix="known")
    assert faults(answer) == {"slug_suffix": "slug_taken"}


def test_a_random_suffix_that_is_taken_is_drawn_anew(
    api: Api, partner: PartnerSeat, agency: AgencySeat, monkeypatch: pytest.MonkeyPatch
) -> None:
    second = new_agency(partner, "Second", email="second@example.com")
    drawn = iter(["aaaaa", "aaaaa", "aaaaa", "bbbbb"])
    monkeypatch.setattr(services, "random_suffix", lambda: next(drawn))
    slugs = [data(add(api, partner, one))["slug"] for one in (agency, second)]
    assert slugs == ["ann-agent-aaaaa", "ann-agent-bbbbb"]
