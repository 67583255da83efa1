"""Every write of the API in the middle of every other one: whichever of the two comes first, both end as they may,
and PostgreSQL has to end neither."""

from pathlib import Path

import pytest

from tests.conftest import Api
from tests.threads import in_turn
from webhooks.services.upkeep import settle_strays

from .invariants import assert_all_is_well, outlived
from .stage import WRITES, new_world

HONEST = {200, 201, 204, 401, 403, 404, 422}
"""What may be answered: done, or refused since the other came first."""

pytestmark = [pytest.mark.drill, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize("name", WRITES)
def test_in_the_middle_of(name: str, stored_files: Path) -> None:
    agencies, dishonest, before = [], {}, outlived()
    for other, second in WRITES.items():
        world = new_world(Api())
        agencies += world.agencies
        answers = in_turn(lambda w=world: WRITES[name].sent(Api(), w), lambda w=world, s=second: s.sent(Api(), w))
        statuses = [answer.status_code for answer in answers]
        if statuses[0] >= 300 or statuses[1] not in HONEST:
            dishonest[other] = statuses
    assert (dishonest, outlived()) == ({}, before)
    settle_strays()
    assert_all_is_well(agencies, stored_files)
