"""Those who use the admin: how they get in, and who may say who they are."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User

from audit.models import AuditEntry
from tests.admin.conftest import Desk, text_of
from tests.web import WebClient


@pytest.fixture
def person(db: None) -> User:
    return User.objects.create_user("person", password="a long enough password", is_staff=True)


def log_in(name: str = "person", password: str = "a long enough password", address: str = "127.0.0.1") -> Any:
    return WebClient().post("/admin/login/", {"username": name, "password": password}, REMOTE_ADDR=address)


def test_a_person_logs_in(person: User) -> None:
    answer = log_in()
    assert (answer.status_code, answer["Location"]) == (302, "/admin/")
    assert log_in(password="another").status_code == 200


def test_passwords_are_tried_only_so_often_by_one_address(person: User, settings: Any) -> None:
    settings.RATE_LIMIT_LOGIN = "3/m"
    assert [log_in(name=f"person{n}").status_code for n in range(4)] == [200, 200, 200, 429]
    refused = log_in()
    assert (refused.status_code, int(refused["Retry-After"]) > 0) == (429, True)
    assert log_in(address="127.0.0.2").status_code == 302


def test_passwords_are_tried_only_so_often_for_one_name(person: User, settings: Any) -> None:
    settings.RATE_LIMIT_LOGIN = "3/m"
    tries = [log_in(password="guess", address=f"127.0.0.{n}").status_code for n in range(1, 5)]
    assert tries == [200, 200, 200, 429]


@pytest.mark.parametrize(
    "written",
    [" person", "person  ", "\tperson\n", "\u3000person", "\uff50\uff45\uff52\uff53\uff4f\uff4e", "\U0001d429erson"],
    ids=["before", "behind", "tab", "wide space", "full width", "bold"],
)
def test_a_name_is_the_same_however_it_is_written(person: User, settings: Any, written: str) -> None:
    settings.RATE_LIMIT_LOGIN = "3/h"
    assert log_in(written, address="127.0.0.9").status_code == 302  # as Django looks it up
    names = [written, "person", written]
    tries = [log_in(name, "guess", f"127.0.0.{n}").status_code for n, name in enumerate(names)]
    assert tries == [200, 200, 429]


def test_spaces_buy_no_tries(person: User, settings: Any) -> None:
    settings.RATE_LIMIT_LOGIN = "3/h"
    tries = [log_in(" " * n + "person", "guess", f"127.0.0.{n}").status_code for n in range(10)]
    assert tries == [200] * 3 + [429] * 7


def test_seeing_the_form_is_no_try(db: None, settings: Any) -> None:
    settings.RATE_LIMIT_LOGIN = "1/m"
    assert [WebClient().get("/admin/login/").status_code for _ in range(3)] == [200, 200, 200]


@pytest.mark.parametrize("path", ["auth/user/", "auth/user/add/", "auth/group/", "auth/group/add/"])
def test_only_superusers_manage_people(desk_of: Callable[..., Desk], path: str) -> None:
    """Whoever may change users could make himself a superuser."""
    everything = desk_of("auth.view_user", "auth.change_user", "auth.add_user", "auth.change_group", "auth.add_group")
    assert everything.get(path).status_code == 403


def test_making_and_changing_a_person_is_audited(desk: Desk) -> None:
    passwords = {"password1": "a long enough password", "password2": "a long enough password"}
    answer = desk.post("auth/user/add/", username="new", usable_password="true", **passwords)
    assert answer.status_code == 302, text_of(answer)
    new = User.objects.get(username="new")
    values = {"username": "new", "is_staff": "on", "is_active": "on", "date_joined_0": "2026-01-01"}
    assert desk.post(f"auth/user/{new.pk}/change/", **values, date_joined_1="00:00:00").status_code == 302
    entries = AuditEntry.objects.filter(target_type="user").order_by("id")
    assert [(entry.actor, entry.action) for entry in entries] == [
        (desk.actor, "user.create"), (desk.actor, "user.update"),
    ]  # fmt: skip
    assert "Staff status" in entries[1].facts["changed"]


def test_a_password_that_is_set_for_a_person_is_audited_where_its_history_leads(desk: Desk, person: User) -> None:
    passwords = {"password1": "another long password", "password2": "another long password"}
    set_ = desk.post(f"auth/user/{person.pk}/password/", usable_password="true", **passwords)
    assert set_.status_code == 302, text_of(set_)
    history = desk.browser.get(f"/admin/auth/user/{person.pk}/history/", follow=True)
    assert (f"user:{person.pk}" in text_of(history), "user.update" in text_of(history)) == (True, True)
    assert AuditEntry.objects.get(target_type="user").facts == {"changed": ["password"]}


def test_who_comes_in_and_who_changes_their_own_password_is_audited(person: User) -> None:
    browser = WebClient()
    assert browser.post("/admin/login/", {"username": "person", "password": "wrong"}).status_code == 200
    assert (
        browser.post("/admin/login/", {"username": "person", "password": "a long enough password"}).status_code == 302
    )
    assert change_password(browser, "wrong").status_code == 200
    assert change_password(browser, "a long enough password").status_code == 302
    entries = AuditEntry.objects.filter(target_type="user", target_id=str(person.pk)).order_by("id")
    who = f"administrator:{person.pk}"
    assert [(entry.actor, entry.action) for entry in entries] == [(who, "user.log_in"), (who, "user.update")]
    assert entries[1].facts == {"changed": ["password"]}


def test_the_old_password_is_tried_only_so_often(desk: Desk, settings: Any) -> None:
    settings.RATE_LIMIT_LOGIN = "3/m"
    assert [change_password(desk.browser, f"wrong{n}").status_code for n in range(4)] == [200, 200, 200, 429]


def change_password(browser: WebClient, old: str) -> Any:
    new = {"new_password1": "a password that is new", "new_password2": "a password that is new"}
    return browser.post("/admin/password_change/", {"old_password": old, **new})


def test_a_person_is_never_deleted(desk: Desk, person: User) -> None:
    assert desk.post(f"auth/user/{person.pk}/delete/", post="yes").status_code == 403
    assert User.objects.filter(pk=person.pk).exists()
