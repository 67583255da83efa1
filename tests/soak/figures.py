"""What the parts of the system hold: memory, files, connections. Measured where nothing is under way."""

import asyncio
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg
import redis

from tests.soak import audit
from tests.soak.drive import Drive
from tests.soak.system import DATABASE, System

MB = 1024
"""In kB, which is what Linux tells."""
MORE_MEMORY = (1.15, 24.0)
"""A part may have grown by this factor and so many MB between two measurements."""
REST_SECONDS = 15
"""Workers are waited for so long."""
MORE_FILES = 12
FILES_A_CONNECTION = 3
"""A thread of gunicorn's that is used for the first time connects to PostgreSQL and to Valkey, and waits for both. How
many were used before the first measurement is chance."""
MOST_CONNECTIONS = 2 * 8 + 6
"""To the database: each of gunicorn's threads keeps one from when it first needs one, and each worker up to three."""
MEMORY = re.compile(r"^(Rss|Pss|Pss_Anon): +(\d+) kB$", re.MULTILINE)
CONNECTIONS = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
IDLE = CONNECTIONS + " AND state LIKE 'idle in transaction%%'"


@dataclass(frozen=True)
class Part:
    """All processes of one part together."""

    processes: int
    rss: float
    """MB, what is shared counted in each process."""
    pss: float
    """MB, what is shared counted once."""
    own: float
    """MB of that which no file and no shared segment backs: where a leak shows."""
    files: int


@dataclass(frozen=True)
class Figures:
    parts: dict[str, Part]
    database_connections: int
    in_transaction: int
    store_connections: int
    store_memory: float


async def at_rest(system: System, drive: Drive) -> Figures:
    """While nothing is under way, and no caller is connected."""
    await drive.finish()
    await drive.caller.hang_up()
    await asyncio.to_thread(audit.drain, system, REST_SECONDS)
    await asyncio.sleep(1)  # until what ended was let go of
    return await asyncio.to_thread(_measure, system)


def _measure(system: System) -> Figures:
    with psycopg.connect(system.services.database_url) as database:
        [connections], [in_transaction] = (database.execute(query).fetchone() for query in (CONNECTIONS, IDLE))
    with redis.Redis.from_url(system.services.redis_url) as valkey:
        store = valkey.info()
    parts = {name: _part(pids) for name, pids in system.parts().items()}
    return Figures(parts, connections, in_transaction, store["connected_clients"] - 1, store["used_memory"] / MB / MB)


def table(before: Figures, after: Figures) -> list[str]:
    """Side by side, a line each."""
    lines = [
        "",
        f"{'MB, at a third / at the end':<28} {'RSS':>17} {'PSS':>17} {'own':>17} {'files':>11} {'processes':>11}",
    ]
    for name, was in before.parts.items():
        now = after.parts[name]
        sizes = " ".join(
            f"{f'{one:.1f} / {other:.1f}':>17}"
            for one, other in ((was.rss, now.rss), (was.pss, now.pss), (was.own, now.own))
        )
        files, processes = (
            f"{one} / {other}" for one, other in ((was.files, now.files), (was.processes, now.processes))
        )
        lines.append(f"  {name:<26} {sizes} {files:>11} {processes:>11}")
    for name, attribute in (
        ("connections to PostgreSQL", "database_connections"),
        ("  idle in a transaction", "in_transaction"),
        ("connections to Valkey", "store_connections"),
    ):
        lines.append(f"  {name:<26} {getattr(before, attribute)} / {getattr(after, attribute)}")
    lines.append(f"  {'data in Valkey':<26} {before.store_memory:.1f} / {after.store_memory:.1f} MB")
    return lines


def faults(before: Figures, after: Figures) -> list[str]:
    """What is not flat."""
    found = []
    factor, more = MORE_MEMORY
    connected = max(0, after.database_connections - before.database_connections)
    for name, was in before.parts.items():
        now = after.parts[name]
        joined = now.processes / was.processes if name == DATABASE else 1.0  # it has one for each connection
        if now.own > was.own * max(1.0, joined) * factor + more:
            found.append(f"the memory of {name} grew from {was.own:.1f} to {now.own:.1f} MB")
        files = was.files + MORE_FILES + FILES_A_CONNECTION * connected
        if now.files > files and name != DATABASE:  # which keeps its tables' files open
            found.append(f"{name} had {was.files} files open, then {now.files}")
    if after.database_connections > MOST_CONNECTIONS:
        found.append(f"{before.database_connections} database connections became {after.database_connections}")
    if after.in_transaction:
        found.append(f"{after.in_transaction} connections idle in a transaction")
    return found


def _part(pids: list[int]) -> Part:
    rss = pss = own = files = 0
    for pid in pids:
        with suppress(OSError):  # it has ended meanwhile
            told = dict(MEMORY.findall(Path(f"/proc/{pid}/smaps_rollup").read_text()))
            rss, pss, own = rss + int(told["Rss"]), pss + int(told["Pss"]), own + int(told["Pss_Anon"])
            files += len(list(Path(f"/proc/{pid}/fd").iterdir()))
    return Part(len(pids), rss / MB, pss / MB, own / MB, files)
