"""Driving the traffic: as fast as it goes to find out what the machine bears, then by a schedule of arrivals."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.soak.acts import MIX
from tests.soak.caller import Caller, Turn
from tests.soak.model import World, Wrong

AT_ONCE = 16
"""As many as gunicorn has threads."""
SHARE = 0.8
"""Of what the machine bears."""
LATE = 2.0
"""Seconds' worth of arrivals under way at the most: beyond, the machine bears less than it did."""
LATE_AFTER_FAULT = 20.0
CALM = 15.0
"""Seconds after a fault in which what piled up meanwhile may be under way as well."""
SLOWER = 0.8


@dataclass
class Fault:
    """Something that goes wrong, and when it did."""

    name: str
    act: Callable[[], None]
    takes_database: bool
    begun: float = 0.0
    ended: float = 0.0
    """When what was away was back."""


@dataclass
class Drive:
    """All that happens to the world, one act after the other or many at once."""

    caller: Caller
    world: World
    faults: list[str] = field(default_factory=list)
    """Wrong answers."""
    acts: Counter[str] = field(default_factory=Counter)
    slowed: list[float] = field(default_factory=list)
    """The rates gone down to."""
    _under_way: set[asyncio.Task[None]] = field(default_factory=set)
    _fault_at: float = float("-inf")

    async def flat_out(self, seconds: float) -> float:
        """Acts a second, each caller waiting for its answer before the next."""
        until, before = time.monotonic() + seconds, self.acts.total()

        async def caller() -> None:
            while time.monotonic() < until:
                await self._act(self.caller.turn())

        await asyncio.gather(*(caller() for _ in range(AT_ONCE)))
        return (self.acts.total() - before) / seconds

    async def arrive(self, rate: float, seconds: float) -> float:
        """Acts begin when they are planned, however long those before them take. Gives the rate at the end."""
        begun = planned = looked = time.monotonic()
        while planned < begun + seconds:
            planned += random.expovariate(rate)
            await asyncio.sleep(max(0.0, planned - time.monotonic()))
            task = asyncio.create_task(self._act(self.caller.turn(planned)))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)
            if time.monotonic() - looked > 1:
                looked = time.monotonic()
                rate = self._borne(rate)
        return rate

    async def finish(self) -> None:
        """Until all that is under way is answered."""
        while self._under_way:
            await asyncio.wait(set(self._under_way))

    async def strike(self, fault: Fault) -> None:
        fault.begun = self._fault_at = time.monotonic()
        await asyncio.to_thread(fault.act)
        fault.ended = self._fault_at = time.monotonic()

    def _borne(self, rate: float) -> float:
        """The rate, or a slower one where the machine, which others use too, no longer bears it."""
        late = LATE_AFTER_FAULT if time.monotonic() - self._fault_at < CALM else LATE
        if len(self._under_way) < rate * late:
            return rate
        self.slowed.append(rate * SLOWER)
        return self.slowed[-1]

    async def _act(self, turn: Turn) -> None:
        [act] = random.choices(list(MIX), list(MIX.values()))
        self.acts[act.__name__] += 1
        try:
            await act(turn, self.world)
        except Wrong as wrong:
            self.faults.append(f"{act.__name__}: {wrong}")
        except (KeyError, ValueError, TypeError, IndexError) as wrong:  # an answer of another shape
            self.faults.append(f"{act.__name__}: {wrong!r}")
