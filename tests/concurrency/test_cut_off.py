"""Every write of the API cut off in the middle, by a database that drops its connection: all of it is undone, and the
same call again does it once."""

from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.utils import timezone

from agencies.tasks import sweep_pictures
from api import stores
from clients.tasks import sweep_orphans
from tests.conftest import Api
from tests.threads import PATIENCE, another_connection, await_waiting, callers, table_held

from .invariants import assert_all_is_well, contents, stored
from .stage import WRITES, World, Write, new_world

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("name", WRITES)
def test_nothing_of_it_stays_and_it_can_be_sent_again(name: str, stored_files: Path) -> None:
    write, world = WRITES[name], new_world(Api())
    before = contents(), everything(stored_files)
    answer = cut_off(write, world)
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    assert (contents(), everything(stored_files)) == before
    again = write.sent(Api(), world, idempotency_key="k")
    assert (str(again.status_code), "Idempotency-Replayed" in again.headers) == (write.statuses[:3], False)
    assert_all_is_well(world.agencies, stored_files)


WITH_FILE = [name for name, write in WRITES.items() if write.has_file and write.method == "POST"]


@pytest.mark.parametrize("name", WITH_FILE)
def test_a_file_whose_row_was_not_committed_is_swept_up(
    name: str, stored_files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All was done but the commit: by then the file is no longer in the hands of who stored it."""
    write, world = WRITES[name], new_world(Api())
    before = contents(), everything(stored_files)
    assert cut_off(write, world, "api_idempotentanswer").status_code == 503
    assert contents() == before[0]
    assert everything(stored_files) != before[1]
    in_two_days = timezone.now() + timedelta(days=2)
    monkeypatch.setattr(stores, "timezone", SimpleNamespace(now=lambda: in_two_days))
    sweep_pictures()
    sweep_orphans()
    assert everything(stored_files) == before[1]


def cut_off(write: Write, world: World, at: str = "audit_auditentry") -> Any:
    with callers() as start:
        with table_held(at):
            future = start(lambda: write.sent(Api(), world, idempotency_key="k"))
            [pid] = await_waiting(1)
            with another_connection() as administrator:
                administrator.execute("SELECT pg_terminate_backend(%s)", [pid])
        return future.result(PATIENCE)


def everything(files: Path) -> list[list[str]]:
    return [stored(files, kind) for kind in ("pictures", "declaration-pages")]
