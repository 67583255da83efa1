"""`python -m tests.soak [--seconds N]`: mixed traffic at 80 % of what the machine bears, while parts of the system are
killed and restarted. Every answer is judged; the exit code says whether every claim held.

Needs Linux, which tells how much memory a process has.
"""

import argparse
import asyncio
import os
import socket
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from django.db import connection

from config import embedded
from tests.soak.system import WORKER, System, running

if TYPE_CHECKING:
    from tests.soak.drive import Fault

PARTNERS = 3
LEAST_SECONDS = 30
ROUND_SECONDS = 300
"""In so long a time everything that goes wrong goes wrong once."""
PLENTY = {
    **{f"RATE_LIMIT_{name}": "10000000/m" for name in ("CREDENTIAL", "TOKEN", "ADDRESS", "LOGIN")},
    **{f"RATE_LIMIT_PUBLIC_{name}": "10000000/h" for name in ("START", "AGENT", "CHANGE")},
}
"""All traffic comes from one address, and from few credentials."""
TOLD = 20
"""Faults that are told one by one."""


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak")
    parser.add_argument("--seconds", type=int, default=600, help=f"of traffic, at least {LEAST_SECONDS}")
    seconds = max(LEAST_SECONDS, parser.parse_args(arguments).seconds)
    if not Path("/proc/self/smaps_rollup").exists():
        sys.exit("The soak needs Linux, which tells how much memory each process has.")
    with embedded.thrown_away("soak", durable=True, PORT=_free_port(), **PLENTY) as services:
        credentials = _make_partners()
        with running(services, Path(os.environ["DATA_DIR"])) as system:
            return asyncio.run(_soak(system, credentials, seconds))


def _make_partners() -> list[tuple[str, str]]:
    """Gives their credentials."""
    from api.principals import Administrator
    from oauth_clients.services import create_client

    made = [create_client(name=f"Partner {n}", actor=Administrator(user_id=None)) for n in range(PARTNERS)]
    connection.close()
    return [(row.client_id, secret) for row, secret in made]


async def _soak(system: System, credentials: list[tuple[str, str]], seconds: int) -> int:
    from tests.soak import audit, figures, report
    from tests.soak.acts.beginning import found
    from tests.soak.caller import Caller
    from tests.soak.drive import SHARE, Drive
    from tests.soak.receiver import receiving

    async with receiving() as receiver:
        caller = Caller(system.url)
        world = await found(caller, receiver, credentials)
        drive = Drive(caller, world)
        calibration = min(15.0, max(4.0, seconds / 20))
        await drive.flat_out(calibration)  # warm
        borne = await drive.flat_out(calibration)
        drive.aim(borne * SHARE)
        report.say(f"The machine bears {borne:.0f} acts a second. {drive.rate:.0f} a second come for {seconds} s.")

        begun = time.monotonic()
        await drive.arrive(seconds / 3)
        before = await figures.at_rest(system, drive)
        strikes = _strikes(system, seconds)
        for strike in strikes:
            striking = asyncio.create_task(drive.strike(strike))
            await drive.arrive(seconds / 3 / len(strikes))
            await striking
        await drive.arrive(seconds / 3)
        await drive.finish()
        taken = time.monotonic() - begun

        drained, left = await asyncio.to_thread(audit.drain, system)
        faults = [*drive.faults, *system.ended, *(f"{count} {name} at the end" for name, count in left.items())]
        faults += await audit.look_at_all(caller, world)
        happened, unlike = await asyncio.to_thread(audit.compare_events, system, world, receiver)
        after = await figures.at_rest(system, drive)
        remaining, wrong = await asyncio.to_thread(audit.what_is_left, system)

    report.tell_answers(drive, strikes, taken)
    faults += [*report.tell_recovery(caller.tries, strikes, begun), *unlike, *wrong, *figures.faults(before, after)]
    times = ", ".join(f"no {name} after {after:.1f} s" for name, after in drained.items())
    report.say(f"\n{happened.total()} events; {receiver.total} deliveries came, {receiver.duplicates} of them again")
    report.say(f"  once the traffic was over: {times}")
    report.say("  " + ", ".join(f"{count} {name}" for name, count in remaining.items()))
    report.say("\n".join(figures.table(before, after)))
    report.tell_logs(system)
    for fault in faults[:TOLD]:
        report.say(f"FAULT {fault[:600]}")
    report.say(f"\n{len(faults)} faults." if faults else "\nEvery claim held.")
    return 1 if faults else 0


def _strikes(system: System, seconds: int) -> list["Fault"]:
    """What goes wrong, one after the other."""
    from tests.soak.drive import Fault

    rounds = max(1, seconds // ROUND_SECONDS)
    each = (
        ("worker killed", lambda: system.kill(WORKER), False),
        ("webhook worker killed", system.kill_deliverer, False),
        ("gunicorn worker killed", system.kill_server_worker, False),
        ("Valkey restarted", system.restart_counter_store, False),
        ("PostgreSQL restarted", system.restart_database, True),
    )
    crash = [("PostgreSQL killed", system.crash_database, True)] if rounds > 1 else []
    return [Fault(*one) for one in (*each * rounds, *crash)]


def _free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
