"""Clients with what they send, made over HTTP, as an agent's tools make them."""

from dataclasses import dataclass
from datetime import timedelta
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.core.files.uploadedfile import SimpleUploadedFile

from clients.models import QuestionSet
from clients.public import guards
from tests.answers import data
from tests.clients.visitor import Visitor
from tests.conftest import AgentSeat, Api

JOE = {"first_name": "Joe", "last_name": "Consumer", "email": "joe@home.example", "phone_number": "(212) 555-0123"}
FILLED = {**JOE, "insurance_types": ["auto", "home"]}
"""The form of the public page."""
PDF = b"%PDF-1.7\n" + b"a declaration page\n" * 20


@dataclass(frozen=True)
class ClientSeat:
    """A client, of an agent."""

    uuid: str
    agent: AgentSeat

    @property
    def path(self) -> str:
        return f"/v1/agents/{self.agent.id}/clients/{self.uuid}"


@dataclass(frozen=True)
class SubmissionSeat:
    uuid: str
    client: ClientSeat

    @property
    def path(self) -> str:
        return f"{self.client.path}/submissions/{self.uuid}"


@dataclass(frozen=True)
class PageSeat:
    """A declaration page."""

    uuid: str
    submission: SubmissionSeat

    @property
    def path(self) -> str:
        return f"{self.submission.path}/declaration-pages/{self.uuid}"

    @property
    def link_path(self) -> str:
        return f"{self.submission.client.path}/submission/{self.submission.uuid}/declaration-page/{self.uuid}"


def new_client(api: Api, agent: AgentSeat, **changes: Any) -> ClientSeat:
    made = data(api.post("/v1/client", token=agent.token, json={**JOE, **changes}))
    return ClientSeat(made["uuid"], agent)


def new_submission(api: Api, client: ClientSeat, **values: Any) -> SubmissionSeat:
    body = {"insurance_types": ["auto"], **values}
    made = data(api.post(f"{client.path}/submissions", token=client.agent.token, json=body))
    return SubmissionSeat(made["uuid"], client)


def upload(content: bytes = PDF, name: str = "declarations.pdf", content_type: str = "application/pdf") -> Any:
    return SimpleUploadedFile(name, content, content_type)


def send(api: Api, submission: SubmissionSeat, file: Any, **headers: str) -> Any:
    path, token = f"{submission.path}/declaration-pages", submission.client.agent.token
    return api.post(path, token=token, form={"file": file}, **headers)


def new_page(api: Api, submission: SubmissionSeat, content: bytes = PDF) -> PageSeat:
    return PageSeat(data(send(api, submission, upload(content)))["uuid"], submission)


def begin(visitor: Visitor, agent: AgentSeat, **changes: Any) -> Visitor:
    """Fills in the form of the agent's public page, and continues."""
    visitor.open(f"/{agent.slug}")
    visitor.send(**{**FILLED, **changes})
    return visitor


@pytest.fixture
def first_questions(db: None) -> None:
    """The additional questions that a migration adds, also after a test that emptied every table."""
    if not QuestionSet.objects.exists():
        import_module("clients.migrations.0002_first_questions").add(apps, None)


@pytest.fixture
def asking(api: Api, agent: AgentSeat, first_questions: None) -> AgentSeat:
    """The agent, with the additional questions turned on."""
    path = f"/v1/agents/{agent.id}/additional-questions"
    assert api.patch(path, token=agent.token, json={"enabled": True}).status_code == 200
    return agent


@pytest.fixture
def visitor(monkeypatch: pytest.MonkeyPatch) -> Visitor:
    """A consumer who is given all the time there is, and needs none."""
    monkeypatch.setattr(guards, "LEAST_FILLING", timedelta(0))
    return Visitor()


@pytest.fixture
def client_seat(api: Api, agent: AgentSeat) -> ClientSeat:
    return new_client(api, agent)


@pytest.fixture
def submission(api: Api, client_seat: ClientSeat) -> SubmissionSeat:
    return new_submission(api, client_seat)


@pytest.fixture
def page(api: Api, submission: SubmissionSeat) -> PageSeat:
    return new_page(api, submission)
