"""Administrators of each kind, and the admin's pages as plain functions."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.http import HttpResponse

from tests.clients import conftest as clients
from tests.web import WebClient

first_questions = clients.first_questions


@dataclass(frozen=True)
class Desk:
    """An administrator at a browser."""

    user: User
    browser: WebClient

    @property
    def actor(self) -> str:
        return f"administrator:{self.user.pk}"

    def get(self, path: str, **query: str) -> HttpResponse:
        return self.browser.get(f"/admin/{path}", query)

    def post(self, path: str, **values: Any) -> HttpResponse:
        return self.browser.post(f"/admin/{path}", values)

    def ask(self, path: str) -> dict[str, str]:
        """The page that asks before an act: its hidden values, as the form sends them."""
        page = self.get(path)
        assert page.status_code == 200, page
        [seen] = re.findall(r'name="seen" value="(\d+)"', page.content.decode())
        return {"seen": seen}

    def act(self, path: str, **values: Any) -> HttpResponse:
        """Opens the page and confirms."""
        return self.post(path, **self.ask(path), **values)


def text_of(answer: HttpResponse) -> str:
    return answer.content.decode()


@pytest.fixture(autouse=True)
def quick_hashes(settings: Any) -> None:
    """Those of production are slow on purpose, for whoever guesses; here, nobody steals them."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def desk_of(db: None) -> Callable[..., Desk]:
    """An administrator with these permissions, e.g. `agents.view_agent`; `superuser=True` has all."""

    def make(*permissions: str, superuser: bool = False) -> Desk:
        user = User.objects.create_user("admin" + str(User.objects.count()), is_staff=True, is_superuser=superuser)
        for label, name in (permission.split(".") for permission in permissions):
            user.user_permissions.add(Permission.objects.get(content_type__app_label=label, codename=name))
        browser = WebClient()
        browser.force_login(user)
        return Desk(user, browser)

    return make


@pytest.fixture
def desk(desk_of: Callable[..., Desk]) -> Desk:
    """A superuser's."""
    return desk_of(superuser=True)
