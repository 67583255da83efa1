"""A mixture of all writes at once, on real processes; in the end, what must hold of an agency does."""

import os
from pathlib import Path

import pytest

from api import roles
from audit.models import AuditEntry
from config.run import CELERY_WORKER
from tests.answers import data
from tests.conftest import new_agency, partner_seat
from tests.running.conftest import Server, Start, migrated_database_url, wait_for
from tests.threads import another_connection
from tests.webhooks.conftest import Receiver
from webhooks.services.upkeep import settle_strays

from .conftest import TRIAL
from .crowd import CALLERS, Crowd
from .invariants import assert_all_is_well
from .remote import RemoteApi
from .stage import new_agents

pytestmark = [pytest.mark.drill, pytest.mark.django_db(transaction=True)]
SEED = 5
CALLS = 640
UNTOLD = """
    SELECT e.id FROM webhooks_event e WHERE e.agency_id = %(agency)s AND e.type <> 'webhook.test' AND (
        SELECT count(*) FROM webhooks_delivery d
        WHERE d.event_id = e.id AND d.subscription_id = %(hook)s AND d.state = 'delivered'
    ) <> 1
"""
RECORDED = {
    "client": "client.create",
    "destroy": "client.destroy",
    "submission": "submission.start",
    "page": "declaration_page.upload",
    "page end": "declaration_page.remove",
    "reset": "agent.reset_access_token",
    "webhook": "webhook.create",
    "webhook end": "webhook.delete",
}
"""What is done each time that it is answered well."""


@pytest.fixture
def crowd(server: Server, start: Start, tmp_path: Path, receiver: Receiver) -> Crowd:
    api = RemoteApi(server.url)
    partner = partner_seat(api, "Partner")
    agency, neighbour = new_agency(partner, "Ours"), new_agency(partner, "Next door")
    admin, *others = new_agents(api, partner, agency)
    hook = data(api.post("/v1/webhooks", token=admin.token, json={"url": receiver.url, "events": ["*"]}))
    worker = ("-m", *CELERY_WORKER, "-Q", "celery,webhooks", "-c", "2")
    start(
        *worker,
        output=tmp_path / "worker",
        DATA_DIR=str(tmp_path),
        SECRET_KEY="s" * 60,
        ALLOW_INSECURE_HTTP="true",
        DATABASE_URL=migrated_database_url(roles.WORKER),
        REDIS_URL=os.environ["REDIS_URL"],
        **TRIAL,
    )
    agents = [one.id for one in (agency.owner, *others)]
    return Crowd(api, partner, agency, neighbour, admin, hook["uuid"], agents)


def test_a_crowd_leaves_an_agency_in_order(crowd: Crowd, stored_files: Path) -> None:
    before = deadlocks()
    crowd.act(SEED, CALLS // CALLERS)
    assert crowd.surprises == []
    settle_strays()
    assert_all_is_well([crowd.agency.id, crowd.neighbour.id], stored_files)
    done = {act: crowd.done(act) for act in RECORDED}
    recorded = {act: AuditEntry.objects.filter(action=action).count() for act, action in RECORDED.items()}
    recorded["webhook"] -= 1  # the one that nobody touches
    assert done == recorded
    assert all(done.values()), done
    wait_for(lambda: not untold(crowd))
    assert deadlocks() - before <= outlived(stored_files)


def untold(crowd: Crowd) -> list[object]:
    """Events that did not come to the webhook that nobody touches, or came twice."""
    with another_connection() as onlooker:
        return onlooker.execute(UNTOLD, {"agency": crowd.agency.id, "hook": crowd.hook}).fetchall()


def deadlocks() -> int:
    with another_connection() as onlooker:
        query = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        return onlooker.execute(query).fetchone()[0]


def outlived(files: Path) -> int:
    """Deadlocks after which the act was done again, as the server and the worker logged them."""
    return sum((files / name).read_text().count(word) for name, word in LOGGED)


LOGGED = (("output", "deadlock_outlived"), ("worker", "DeadlockDetected"))
