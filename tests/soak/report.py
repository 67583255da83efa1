"""What is told at the end, and which of the claims did not hold."""

import sys
from collections import Counter
from contextlib import suppress
from typing import Any

import orjson

from tests.soak.caller import Tries
from tests.soak.drive import CALM, Drive, Fault
from tests.soak.system import System

RECOVERED = 0.99
"""Of the answers of a second are good, from then on."""
RECOVERY_SECONDS = 10
"""After what was away is back."""


def say(text: str = "") -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def tell_answers(drive: Drive, strikes: list[Fault], taken: float) -> None:
    tries = drive.caller.tries
    statuses = ", ".join(f"{count} of {status}" for status, count in sorted(tries.statuses.items()))
    say(f"\n{drive.acts.total()} acts, {len(tries.seconds)} requests in {taken:.0f} s: {statuses}")
    for name, kind in (("all", None), ("calm", False), ("soon after a fault", True)):
        waits = [seconds for at, seconds in tries.seconds if kind is None or _soon(at, strikes) == kind]
        say(f"  ms from the planned moment, {name + ':':<19} {_quantiles(waits)}")
    say(
        f"  tried again: {len(tries.cut)} cut, {len(tries.away)} honest 503, {tries.in_flight} still in flight; "
        f"{tries.replayed} of them got the first answer, replayed"
    )
    say(f"  {drive.planned / taken:.1f} acts a second came; {drive.slowed} times the machine bore less than before")


def _soon(at: float, strikes: list[Fault]) -> bool:
    return any(one.begun <= at < one.ended + CALM for one in strikes)


def _quantiles(seconds: list[float]) -> str:
    ordered = sorted(1000 * one for one in seconds)
    if not ordered:
        return "none"
    shares = (("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("most", 1.0))
    return ", ".join(f"{name} {ordered[int(share * (len(ordered) - 1))]:.0f}" for name, share in shares)


def tell_recovery(tries: Tries, strikes: list[Fault], begun: float) -> list[str]:
    """Until the first good answer after a bad one, and until 99 % are good again, from when the fault began."""
    faults = []
    say()
    ends = [*(one.begun for one in strikes[1:]), float("inf")]
    for strike, until in zip(strikes, ends, strict=True):
        away = strike.ended - strike.begun
        ended = [(at - strike.begun, good) for at, good in tries.ended if strike.begun <= at < until]
        cut, refused = ([at for at in times if strike.begun <= at < until] for times in (tries.cut, tries.away))
        first, steady = _first_good(ended), _steady(ended)
        say(
            f"  {strike.name:<23} at {strike.begun - begun:5.1f} s, away for {away:4.1f} s: {len(cut):3} cut, "
            f"{len(refused):4} honest 503 ({sum(at > strike.ended for at in refused)} once it was back); "
            f"first good answer after {first:.2f} s, 99 % good after {steady} s"
        )
        if steady > away + RECOVERY_SECONDS:
            faults.append(f"{strike.name}: 99 % of answers are good after {steady} s only")
        if honest := sum(at > strike.ended + RECOVERY_SECONDS or not strike.takes_database for at in refused):
            faults.append(f"{strike.name}: {honest} answers were 503 while the database was there")
    if early := sum(at < strikes[0].begun for at in tries.away):
        faults.append(f"{early} answers were 503 before anything went wrong")
    say(f"  before the first of them {sum(at < strikes[0].begun for at in tries.cut)} were cut")
    return faults


def _first_good(ended: list[tuple[float, bool]]) -> float:
    bad = min((at for at, good in ended if not good), default=None)
    return min((at for at, good in ended if good and at > bad), default=0.0) if bad is not None else 0.0


def _steady(ended: list[tuple[float, bool]]) -> int:
    """The end of the last second of which less were good."""
    good, every = Counter(int(at) for at, good in ended if good), Counter(int(at) for at, _ in ended)
    return max((second + 1 for second, count in every.items() if good[second] < RECOVERED * count), default=0)


def tell_logs(system: System) -> None:
    """What was logged as an error, by process: the faults leave some in each."""
    for name in system.processes:
        told: Counter[str] = Counter()
        for line in system.log(name).read_bytes().splitlines():
            with suppress(orjson.JSONDecodeError):
                told.update(_error(orjson.loads(line)))
        if told:
            most = "; ".join(f"{count} of {what}" for what, count in told.most_common(5))
            say(f"  errors in the log of the {name}: {most}")


def _error(entry: Any) -> list[str]:
    if not isinstance(entry, dict) or entry.get("level") not in ("error", "critical"):
        return []
    return [f"{entry['event'].partition('[')[0]} {entry.get('code', entry.get('error', ''))}"[:60].strip()]
