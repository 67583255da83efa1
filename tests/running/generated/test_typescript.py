"""A client that openapi-typescript makes of the committed document: its types hold, and it does what one does first."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from oauth_clients.services import create_client
from tests.conftest import COMMAND_LINE
from tests.pictures import picture
from tests.running.conftest import ROOT, Serve, migrated_database_url

HERE = Path(__file__).parent / "typescript"
TSC = ("tsc", "--strict", "--module", "nodenext", "--target", "es2022", "--skipLibCheck")  # the libraries' own types
pytestmark = pytest.mark.node


def run(folder: Path, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """One of the programs that npm installed."""
    program = HERE / "node_modules/.bin" / name
    return subprocess.run([program, *arguments], cwd=folder, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the generated types are, and what uses them."""
    made = tmp_path_factory.mktemp("typescript")
    for name in ("package.json", "journey.ts", "wrong.ts"):
        shutil.copy(HERE / name, made)
    (made / "node_modules").symlink_to(HERE / "node_modules")
    ended = run(made, "openapi-typescript", str(ROOT / "openapi.json"), "--output", "api.ts")
    assert ended.returncode == 0, ended.stderr
    return made


def test_what_is_wrong_does_not_compile(folder: Path) -> None:
    lines = (folder / "wrong.ts").read_text().splitlines()
    uses = {number for number, line in enumerate(lines, 1) if line.startswith("void ")}
    ended = run(folder, *TSC, "--noEmit", "wrong.ts")
    assert ended.returncode != 0
    assert {int(number) for number in re.findall(r"^wrong\.ts\((\d+),", ended.stdout, re.MULTILINE)} == uses


@pytest.mark.django_db(transaction=True)
def test_what_is_right_compiles_and_runs(folder: Path, serve: Serve, tmp_path: Path) -> None:
    compiled = run(folder, *TSC, "journey.ts")
    assert compiled.returncode == 0, compiled.stdout
    (tmp_path / "logo.png").write_bytes(picture())
    row, secret = create_client(name="Partner", actor=COMMAND_LINE)
    server = serve(migrated_database_url(), os.environ["REDIS_URL"])
    facts = {
        "BASE_URL": server.url, "CLIENT_ID": row.client_id, "CLIENT_SECRET": secret, "LOGO": str(tmp_path / "logo.png"),
    }  # fmt: skip
    ended = subprocess.run(
        ["node", "journey.js"], cwd=folder, env={**os.environ, **facts}, capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
