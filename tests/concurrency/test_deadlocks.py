"""Acts that wait for each other in a circle (api.deadlocks)."""

from contextlib import ExitStack
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.http import HttpResponse
from PIL import Image

from agents.models import Agent
from clients.models import DeclarationPage
from tests.answers import data
from tests.clients.conftest import PDF, SubmissionSeat, send, upload
from tests.conftest import AgencySeat, AgentSeat, Api, PartnerSeat
from tests.threads import another_connection, await_waiting, callers, crossed

from .invariants import outlived

pytestmark = pytest.mark.django_db(transaction=True)


def row(suffix: str) -> dict[str, str]:
    return {"first_name": "Ann", "last_name": "Agent", "email": f"{suffix}@example.com", "slug_suffix": suffix}


def add(partner: PartnerSeat, agency: AgencySeat, *suffixes: str, **headers: str) -> HttpResponse:
    rows = {"agents": [row(suffix) for suffix in suffixes]}
    return Api().post(f"{agency.path}/agents/bulk", token=partner.token, json=rows, **headers)


@pytest.mark.parametrize("keys", [{}, {"idempotency_key": "k"}])
def test_the_same_slugs_in_opposite_order_are_each_somebodys(
    partner: PartnerSeat,
    agency: AgencySeat,
    foreign_partner: PartnerSeat,
    foreign_agency: AgencySeat,
    keys: dict[str, str],
) -> None:
    """Each call has inserted its first row when it comes to the one in the middle, which somebody else holds."""
    before = outlived()
    with callers() as start:
        with somebody_inserts("ann-agent-middle", agency.id):
            ours = start(lambda: add(partner, agency, "left", "middle", "right", **keys))
            await_waiting(1)
            theirs = start(lambda: add(foreign_partner, foreign_agency, "right", "middle", "left", **keys))
            await_waiting(2)
        answers = [ours.result(20), theirs.result(20)]
    assert outlived() == before + 1
    statuses = sorted([one["status"] for one in data(answer)] for answer in answers)
    assert statuses == [[201, 201, 201], [422, 422, 422]]
    refused = [one for answer in answers for one in data(answer) if one["status"] == 422]
    assert {detail["code"] for one in refused for detail in one["error"]["details"]} == {"slug_taken"}
    assert Agent.objects.filter(slug__startswith="ann-agent-").count() == 3


@pytest.mark.parametrize("keys", [{}, {"idempotency_key": "k"}])
@pytest.mark.parametrize("kept", ["in memory", "in a temporary file"])
def test_an_upload_is_stored_once(
    submission: SubmissionSeat, declaration_pages_dir: Path, kept: str, keys: dict[str, str]
) -> None:
    """Wherever Django keeps what comes in, by its size."""
    content = PDF + bytes(settings.FILE_UPLOAD_MAX_MEMORY_SIZE if kept == "in a temporary file" else 0)
    answer = crossed(lambda: send(Api(), submission, upload(content), **keys), "clients_submission", submission.uuid)
    assert data(answer)["size"] == len(content)
    [file] = files_in(declaration_pages_dir)
    assert file == declaration_pages_dir / DeclarationPage.objects.get().stored_name
    assert file.read_bytes() == content


@pytest.mark.parametrize("field", ["profile_picture", "logo"])
def test_so_is_a_picture(agency: AgencySeat, agent: AgentSeat, pictures_dir: Path, field: str) -> None:
    path, token = f"{agency.path}/agents/{agent.id}" if field == "profile_picture" else agency.path, agency.owner.token
    noise = BytesIO()
    Image.effect_noise((800, 600), 64).save(noise, "PNG")
    assert noise.tell() > settings.FILE_UPLOAD_MAX_MEMORY_SIZE
    form = {field: upload(noise.getvalue(), "noise.png")}
    answer = crossed(lambda: Api().patch(path, token=token, form=form), "agencies_agency", agency.id)
    assert answer.status_code == 200
    assert len(files_in(pictures_dir)) == 1


def files_in(directory: Path) -> list[Path]:
    return [one for one in directory.rglob("*") if one.is_file()]


def somebody_inserts(slug: str, agency_id: int) -> Any:
    """An agent with this slug, who is not to be in the end."""
    stack = ExitStack()
    holder = stack.enter_context(another_connection())
    holder.execute("BEGIN")
    stack.callback(holder.execute, "ROLLBACK")
    columns = [one.column for one in Agent._meta.concrete_fields if one.column != "id"]
    agent = Agent(agency_id=agency_id, slug=slug, email="somebody@example.com")
    with connection.cursor() as cursor:
        cursor.execute("SELECT now()")
        agent.created_at = agent.updated_at = cursor.fetchone()[0]
    values = [getattr(agent, one.attname) for one in Agent._meta.concrete_fields if one.column != "id"]
    slots = ", ".join(["%s"] * len(columns))
    holder.execute(f"INSERT INTO agents_agent ({', '.join(columns)}) VALUES ({slots})", values)  # noqa: S608
    return stack
