"""Every write of the API cut off in the middle, by a database that drops its connection: all of it is undone, and the
same call again does it once."""

from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Api
from tests.threads import another_connection, await_waiting, callers, table_held

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


def cut_off(write: Write, world: World) -> Any:
    with callers() as start:
        with table_held("audit_auditentry"):
            future = start(lambda: write.sent(Api(), world, idempotency_key="k"))
            [pid] = await_waiting(1)
            with another_connection() as administrator:
                administrator.execute("SELECT pg_terminate_backend(%s)", [pid])
        return future.result(10)


def everything(files: Path) -> list[list[str]]:
    return [stored(files, kind) for kind in ("pictures", "declaration-pages")]
