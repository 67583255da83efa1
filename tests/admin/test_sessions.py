"""Sessions of administrators: what of them stands in the database, and when they end."""

from datetime import timedelta

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db.models.functions import Now
from django.test import Client

from administration.sessions import SessionStore
from administration.tasks import clear_expired_sessions
from tests.stored import everything_stored

WAY_IN = {"username": "root", "password": "right horse battery"}


@pytest.fixture
def browser(db: None) -> Client:
    """Somebody's who has logged in."""
    User.objects.create_superuser("root", password=WAY_IN["password"])
    browser = Client()
    log_in(browser)
    return browser


def log_in(browser: Client) -> None:
    assert browser.post("/admin/login/", WAY_IN).status_code == 302


def key_of(browser: Client) -> str:
    return browser.cookies["sessionid"].value


def with_key(key: str) -> Client:
    """Another browser, with this cookie."""
    other = Client()
    other.cookies["sessionid"] = key
    return other


def is_in(browser: Client) -> bool:
    return browser.get("/admin/").status_code == 200


def test_what_the_database_holds_of_a_session_opens_nothing(browser: Client) -> None:
    assert is_in(browser)
    row = Session.objects.get()
    assert not is_in(with_key(row.session_key))
    assert not is_in(with_key(row.session_data))
    assert not any(key_of(browser).encode() in value for value in everything_stored())


def test_a_session_goes_on_with_its_key_and_ends_with_the_logout(browser: Client) -> None:
    key = key_of(browser)
    assert is_in(with_key(key))
    assert browser.post("/admin/logout/").status_code == 200
    assert not Session.objects.exists()
    assert not is_in(with_key(key))


def test_whoever_logs_in_gets_a_key_that_nobody_knew(browser: Client) -> None:
    before = key_of(browser)
    passwords = {"new_password1": "wrong horse battery", "new_password2": "wrong horse battery"}
    changed = browser.post("/admin/password_change/", {"old_password": WAY_IN["password"], **passwords})
    assert changed.status_code == 302
    assert is_in(browser)
    assert not is_in(with_key(before))
    assert Session.objects.count() == 1


def test_a_key_of_the_browsers_choosing_is_not_taken(browser: Client) -> None:
    chosen = with_key("k" * 32)
    chosen.get("/admin/")
    assert key_of(chosen) == ""  # the browser is told to forget it
    chosen.cookies["sessionid"] = "k" * 32
    log_in(chosen)
    assert key_of(chosen) != "k" * 32
    assert is_in(chosen)
    assert not is_in(with_key("k" * 32))


def test_a_session_of_before_keys_were_hashed_has_ended(browser: Client) -> None:
    """Its row holds the key itself."""
    key = key_of(browser)
    Session.objects.update(session_key=key)
    assert not is_in(with_key(key))


def test_a_session_lasts_for_hours_and_no_longer(browser: Client) -> None:
    Session.objects.update(expire_date=Now() - timedelta(seconds=1))
    assert not is_in(browser)


def test_what_is_expired_is_cleared_and_who_is_in_stays(browser: Client) -> None:
    Session.objects.update(expire_date=Now() - timedelta(seconds=1))
    another = Client()
    log_in(another)
    clear_expired_sessions()
    assert Session.objects.count() == 1
    assert is_in(another)


@async_to_sync
async def go_through(taken: SessionStore) -> None:
    """A session's life, in asynchronous code."""
    await taken.aset("who", "Ann")
    await taken.asave()
    await taken.acycle_key()
    key = taken.session_key
    await taken.asave()
    [row] = [one async for one in Session.objects.all()]
    assert await SessionStore(key).aget("who") == "Ann"
    assert await SessionStore(row.session_key).aget("who") is None
    assert (await taken.aexists(key), await taken.aexists(row.session_key)) == (True, False)
    await taken.adelete(row.session_key)
    assert await Session.objects.acount() == 1
    await taken.adelete(key)
    assert await Session.objects.acount() == 0


def test_it_is_no_different_in_asynchronous_code(db: None) -> None:
    go_through(SessionStore())
