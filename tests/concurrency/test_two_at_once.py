"""Every write of the API twice at once: the second comes in the middle of the first, and both get an honest answer."""

from pathlib import Path

import pytest

from audit.models import AuditEntry
from tests.conftest import Api
from tests.endpoints import endpoints
from tests.threads import in_turn
from webhooks.services.upkeep import settle_strays

from .invariants import assert_all_is_well
from .stage import WRITES, new_world


def test_every_write_is_raced() -> None:
    assert {one.operation.name for one in endpoints() if one.method != "GET"} == set(WRITES)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", WRITES)
def test_a_write_that_comes_twice_at_once_is_answered_honestly(name: str, stored_files: Path) -> None:
    write, world = WRITES[name], new_world(Api())
    acts = AuditEntry.objects.filter(action=write.action)
    before = acts.count()
    answers = in_turn(*[lambda: write.sent(Api(), world)] * 2)
    assert " ".join(str(answer.status_code) for answer in answers) == write.statuses
    assert acts.count() - before == write.acts
    settle_strays()
    assert_all_is_well(world.agencies, stored_files)
