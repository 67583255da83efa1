"""At the end: everything is as the driver knows it, every event arrived, and nothing is left to do."""

import time
from collections import Counter
from pathlib import Path
from typing import Any

import psycopg
import redis

from tests.soak.acts.clients import require_clients
from tests.soak.caller import Caller
from tests.soak.model import Agency, Client, Hook, Partner, Seat, World, Wrong, require_like
from tests.soak.receiver import Receiver
from tests.soak.system import System
from webhooks.models import message_id

DRAIN_SECONDS = 240
"""A worker that was killed left leases of a minute; a page half read is begun anew after two, by the minute."""
KINDS = ("deliveries pending", "deliveries leased", "pages to read")
TEST = "webhook.test"
UNDONE = """
    SELECT (SELECT count(*) FROM webhooks_delivery WHERE state = 'pending'),
           (SELECT count(*) FROM webhooks_delivery WHERE state = 'leased'),
           (SELECT count(*) FROM clients_declarationpage WHERE reading = 'pending')
"""
EVENTS = "SELECT type, count(*) FROM webhooks_event WHERE agency_id = %s GROUP BY type"
DELIVERIES = """
    SELECT event.id, event.type, delivery.state FROM webhooks_delivery delivery
    JOIN webhooks_event event ON event.id = delivery.event_id WHERE delivery.subscription_id = %s
"""
DEADLOCKS = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
FILES = "SELECT stored_name FROM clients_declarationpage"
QUEUES = ("celery", "webhooks", "unacked")


def drain(system: System, seconds: float = DRAIN_SECONDS) -> tuple[dict[str, float], dict[str, int]]:
    """After how many seconds there was nothing left of each kind, and what is left after all."""
    begun, ended = time.monotonic(), dict[str, float]()
    with psycopg.connect(system.services.database_url, autocommit=True) as database:
        while True:
            left = dict(zip(KINDS, database.execute(UNDONE).fetchone() or (), strict=True))
            passed = time.monotonic() - begun
            ended |= {name: passed for name, count in left.items() if not count and name not in ended}
            left = {name: count for name, count in left.items() if count}
            if not left or passed > seconds:
                return ended, left
            time.sleep(0.25)


async def look_at_all(caller: Caller, world: World) -> list[str]:
    """Every row of every caller, over HTTP, beside what was written."""
    faults = []
    clients: dict[int, list[Client]] = {}
    for client in world.clients.all():
        clients.setdefault(client.seat.id, []).append(client)
    for partner in world.partners:
        faults += await _found(_look_at_agents, caller, partner)
        for seat in (seat for agency in partner.homes for seat in agency.seats):
            faults += await _found(_look_at_clients, caller, world, seat, clients.get(seat.id, []))
    return faults


async def _found(look: Any, *facts: Any) -> list[str]:
    try:
        await look(*facts)
    except Wrong as wrong:
        return [f"at the end: {wrong}"]
    return []


async def _look_at_agents(caller: Caller, partner: Partner) -> None:
    rows = await _walk(caller, "/v1/agents?includeDeactivated=true&perPage=100", partner.token)
    require_like([row["id"] for row in rows], sorted(partner.rows), f"ids of the agents of {partner.tag}")
    for row in rows:
        require_like(row, partner.rows[row["id"]], f"agent {row['id']}")
    for path, count in (("/v1/agents", partner.agents), ("/v1/agencies", partner.agencies)):
        total = (await caller.turn().call("GET", path, token=partner.token)).json["meta"]["total"]
        require_like([total, total], [count.certain, count.possible], f"the total of {path} of {partner.tag}")


async def _look_at_clients(caller: Caller, world: World, seat: Seat, expected: list[Client]) -> None:
    rows = await _walk(caller, f"{seat.path}?include=submissions.declaration_pages&perPage=100", seat.token)
    require_clients(seat, rows)
    by_id = {client.uuid: client for client in expected}
    require_like(sorted(row["uuid"] for row in rows), sorted(by_id), f"ids of the clients of {seat.slug}")
    for row in rows:
        require_like(row, by_id[row["uuid"]].in_full(), f"client {row['uuid']}")
        for page in (page for one in row["submissions"] for page in one["declaration_pages"]):
            read = {"reading": "done", "policy_number": world.policies[page["uuid"]]}
            require_like(page, read, f"declaration page {page['uuid']}")
    total = (await caller.turn().call("GET", seat.path, token=seat.token)).json["meta"]["total"]
    require_like(total, len(rows), f"the total of {seat.path}")


async def _walk(caller: Caller, path: str, token: str) -> list[dict[str, Any]]:
    rows, path = list[dict[str, Any]](), f"{path}&cursor=first"
    while path:
        told = (await caller.turn().call("GET", path, token=token)).json
        rows += told["data"]
        path = (told["links"]["next"] or "").removeprefix(caller.url)
    return rows


def compare_events(system: System, world: World, receiver: Receiver) -> tuple[Counter[str], list[str]]:
    """The events that happened by type; and what is not in the database, or did not arrive, as it should."""
    happened: Counter[str] = Counter()
    faults = list(receiver.faults)
    with psycopg.connect(system.services.database_url) as database:
        for agency in (agency for partner in world.partners for agency in partner.homes):
            events = Counter(dict(database.execute(EVENTS, [agency.id]).fetchall()))
            happened += events
            if events != agency.events:
                faults.append(f"events of {agency.tag}: {dict(events)}, and what happened is {dict(agency.events)}")
            tests = 0
            for uuid, hook in agency.hooks.items():
                rows = database.execute(DELIVERIES, [uuid]).fetchall()
                tests += sum(kind == TEST for _, kind, _ in rows)
                faults += _compare(agency, hook, rows, receiver)
            if tests != agency.events[TEST]:
                faults.append(f"{agency.tag}: {tests} deliveries of {agency.events[TEST]} test events")
    return happened, faults


def _compare(agency: Agency, hook: Hook, rows: list[tuple[Any, str, str]], receiver: Receiver) -> list[str]:
    faults = []
    told = Counter(kind for _, kind, _ in rows if kind != TEST)
    wanted = Counter({kind: n for kind, n in agency.events.items() if kind != TEST and _wants(hook, kind)})
    if told != wanted:
        faults.append(f"deliveries to {hook.path}: {dict(told)} instead of {dict(wanted)}")
    if states := Counter(state for _, _, state in rows if state != "delivered"):
        faults.append(f"deliveries to {hook.path} that are not delivered: {dict(states)}")
    ids, came = {message_id(event_id) for event_id, _, _ in rows}, set(receiver.came[hook.path])
    if lost := ids - came:
        faults.append(f"{len(lost)} events did not come to {hook.path}: {sorted(lost)[:3]}")
    if unknown := came - ids:
        faults.append(f"{len(unknown)} events came to {hook.path} that the database does not know")
    return faults


def _wants(hook: Hook, kind: str) -> bool:
    return "*" in hook.events or kind in hook.events


def what_is_left(system: System) -> tuple[dict[str, int], list[str]]:
    """Counts worth telling; and what must not be."""
    with psycopg.connect(system.services.database_url) as database:
        [deadlocks] = database.execute(DEADLOCKS).fetchone() or [0]
        names = {name for (name,) in database.execute(FILES)}
    with redis.Redis.from_url(system.services.redis_url) as valkey:
        queued = {name: valkey.hlen(name) if name == "unacked" else valkey.llen(name) for name in QUEUES}
    folder = Path(system.directory, "media/declaration-pages")
    kept = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    told = {"deadlocks that PostgreSQL broke": deadlocks, "files without a row, for the sweep": len(kept - names)}
    told |= {f"tasks in {name}": count for name, count in queued.items()}
    return told, [f"{len(gone)} declaration pages have no file"] if (gone := names - kept) else []
