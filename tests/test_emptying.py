"""What a test that commits leaves to the next one."""

import pytest

from tests.concurrency.invariants import contents
from tests.concurrency.stage import new_world
from tests.conftest import Api, empty_tables

KEPT = {"django_migrations", "django_content_type", "auth_permission"}


@pytest.mark.django_db(transaction=True)
def test_nothing_but_what_migrations_alone_make() -> None:
    new_world(Api())
    before = contents()
    assert sum(count > 0 for count, _ in before.values()) > len(KEPT) + 10
    empty_tables()
    after = contents()
    assert {table for table, (count, _) in after.items() if count} == KEPT
    assert all(after[table] == before[table] for table in KEPT)
