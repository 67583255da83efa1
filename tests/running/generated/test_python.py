"""A client that openapi-python-client makes of the committed document: its types hold, and it goes the whole way."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from api import roles
from config.run import CELERY_WORKER
from oauth_clients.services import create_client
from tests.clients.conftest import PDF, first_questions  # noqa: F401 - a fixture
from tests.conftest import COMMAND_LINE
from tests.pictures import picture
from tests.running.conftest import ROOT, Serve, Start, environment, migrated_database_url
from tests.webhooks.drills.stage import verifies
from tests.webhooks.scripted import receiving

pytestmark = pytest.mark.drill
HERE = Path(__file__).parent
JOURNEY = HERE / "journey.py"
PLENTY = {f"RATE_LIMIT_{name}": "1000000/m" for name in ("CREDENTIAL", "TOKEN", "ADDRESS")}
TRIAL = {**PLENTY, "WEBHOOKS_ALLOW_PRIVATE_ADDRESSES": "true"}
WORKER = [*CELERY_WORKER, "--queues", "celery,webhooks", "--concurrency", "2"]
EVENTS = {
    "client.updated",
    "client.sales-funnel-status-change",
    "client-submission.declaration-page-upload",
    "client-submission.complete",
    "client.reassigned",
}


def run(*command: str, **facts: Any) -> str:
    ended = subprocess.run(
        [sys.executable, *command], capture_output=True, text=True, timeout=120, check=False, **facts
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the generated package is in."""
    folder = tmp_path_factory.mktemp("generated")
    run(
        "-m", "openapi_python_client", "generate", "--path", str(ROOT / "openapi.json"), "--meta", "none",
        "--output-path", str(folder / "agency_api"), "--config", str(HERE / "generator.yml"), "--fail-on-warning",
    )  # fmt: skip
    return folder


def test_its_types_hold_and_so_do_those_of_who_uses_it(package: Path) -> None:
    command = ["-m", "mypy", "--strict", "--config-file=", "--cache-dir", str(package / ".mypy_cache")]
    run(*command, "agency_api", str(JOURNEY), cwd=package)


def test_a_use_that_is_wrong_is_seen(package: Path) -> None:
    """What the check above would not show if generated types were `Any`."""
    (package / "wrong.py").write_text(
        "from agency_api import AuthenticatedClient\n"
        "from agency_api.api.agents import list_agents\n"
        "from agency_api.models import ClientChange, NewAgency\n"
        'NewAgency("Harbor Insurance", "ann@harbor.example", "Ann")\n'
        'ClientChange(sales_funnel_status="sold")\n'
        'list_agents.sync(client=AuthenticatedClient("", ""), include_deactivated="yes")\n'
    )
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "wrong.py"]
    ended = subprocess.run(command, cwd=package, capture_output=True, text=True, timeout=60, check=False)
    assert [line.split(":")[1] for line in ended.stdout.splitlines()[:-1]] == ["4", "5", "6"], ended.stdout


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("first_questions")
def test_it_goes_the_whole_way(package: Path, serve: Serve, start: Start, tmp_path: Path) -> None:
    (tmp_path / "logo.png").write_bytes(picture())
    (tmp_path / "page.pdf").write_bytes(PDF)
    row, secret = create_client(name="Partner", actor=COMMAND_LINE)
    redis_url = os.environ["REDIS_URL"]
    server = serve(migrated_database_url(), redis_url, **TRIAL)
    start(
        "-m", *WORKER,
        output=tmp_path / "worker",
        DATA_DIR=str(tmp_path),
        SECRET_KEY="s" * 60,
        ALLOW_INSECURE_HTTP="true",
        DATABASE_URL=migrated_database_url(roles.WORKER),
        REDIS_URL=redis_url,
        **TRIAL,
    )  # fmt: skip
    with receiving() as receiver:
        facts = {
            "PYTHONPATH": str(package), "BASE_URL": server.url, "RECEIVER": receiver.url("/crm"),
            "CLIENT_ID": row.client_id, "CLIENT_SECRET": secret,
        }  # fmt: skip
        told = json.loads(run(str(JOURNEY), str(tmp_path), env=environment(**facts)))
    assert set(told["events"]) >= EVENTS
    assert {json.loads(hit.body)["type"] for hit in receiver.hits} == {*EVENTS, "webhook.test"}
    assert all(any(verifies(hit, one) for one in told["secrets"]) for hit in receiver.hits)
