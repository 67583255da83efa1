"""A partner with its secret, and the endpoints as plain functions."""

import base64
import json
from dataclasses import dataclass
from typing import Any

import pytest
from django.http import HttpResponse

from api.principals import Administrator
from oauth_clients import services
from oauth_clients.models import OAuthClient
from tests.web import WebClient

ACTOR = Administrator(user_id=None)
FORM = "application/x-www-form-urlencoded"


@dataclass
class Partner:
    """An OAuth client as its own programs see it."""

    row: OAuthClient
    secret: str

    @property
    def credentials(self) -> dict[str, str]:
        return {"client_id": self.row.client_id, "client_secret": self.secret}

    @property
    def grant(self) -> dict[str, str]:
        return {"grant_type": "client_credentials", **self.credentials}

    @property
    def basic(self) -> str:
        return basic(self.row.client_id, self.secret)


def basic(client_id: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()


def make_partner(name: str = "Partner") -> Partner:
    return Partner(*services.create_client(name=name, actor=ACTOR))


@pytest.fixture
def partner(db: None) -> Partner:
    return make_partner()


@pytest.fixture
def other(db: None) -> Partner:
    return make_partner("Other partner")


class Api:
    """Calls without cookies, and without raising what a server would answer 500 to."""

    def __init__(self) -> None:
        self.client = WebClient(raise_request_exception=False, enforce_csrf_checks=True)

    def post(self, path: str, values: Any, **headers: str) -> HttpResponse:
        body = values if isinstance(values, str | bytes) else json.dumps(values)
        return self.client.post(path, body, content_type="application/json", headers=headers)

    def post_form(self, path: str, body: str | bytes, **headers: str) -> HttpResponse:
        return self.client.post(path, body, content_type=FORM, headers=headers)

    def token(self, partner: Partner) -> str:
        answer = self.post("/oauth/token", partner.grant)
        assert answer.status_code == 200, answer.content
        return answer.json()["access_token"]


@pytest.fixture
def api() -> Api:
    return Api()


@pytest.fixture
def actor() -> Administrator:
    return ACTOR
