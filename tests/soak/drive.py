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
LATE_AFTER_FAULT = 8.0
CALM = 15.0
"""Seconds after a fault in which what piled up meanwhile may be under way as well."""
EARLY = 0.3
"""Seconds' worth of arrivals under way, below which the machine may bear more again."""
SLOWER, FASTER = 0.8, 1.03
"""What the rate is multiplied by, at most once a second."""


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
    slowed: int = 0
    """How often the rate was lowered."""
    planned: int = 0
    """How many acts came by the schedule."""
    rate: float = 0.0
    """Acts a second that come now."""
    _aim: float = 0.0
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

    def aim(self, rate: float) -> None:
        """So many acts a second are to come, as long as the machine bears them."""
        self.rate = self._aim = rate

    async def arrive(self, seconds: float) -> None:
        """Acts begin when they are planned, however long those before them take."""
        begun = planned = looked = time.monotonic()
        while planned < begun + seconds:
            planned += random.expovariate(self.rate)
            self.planned += 1
            await asyncio.sleep(max(0.0, planned - time.monotonic()))
            task = asyncio.create_task(self._act(self.caller.turn(planned)))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)
            if time.monotonic() - looked > 1:
                looked = time.monotonic()
                self._adapt()

    async def finish(self) -> None:
        """Until all that is under way is answered."""
        while self._under_way:
            await asyncio.wait(set(self._under_way))

    async def strike(self, fault: Fault) -> None:
        fault.begun = self._fault_at = time.monotonic()
        await asyncio.to_thread(fault.act)
        fault.ended = self._fault_at = time.monotonic()

    def _adapt(self) -> None:
        """To what the machine, which others use too, bears now: slower at once, and faster again little by little."""
        late = LATE_AFTER_FAULT if time.monotonic() - self._fault_at < CALM else LATE
        if len(self._under_way) > self.rate * late:
            self.rate *= SLOWER
            self.slowed += 1
        elif len(self._under_way) < self.rate * EARLY:
            self.rate = min(self._aim, self.rate * FASTER)

    async def _act(self, turn: Turn) -> None:
        [act] = random.choices(list(MIX), list(MIX.values()))
        self.acts[act.__name__] += 1
        try:
            await act(turn, self.world)
        except Wrong as wrong:
            self.faults.append(f"{act.__name__}: {wrong}")
        except (KeyError, ValueError, TypeError, IndexError) as wrong:  # an answer of another shape
            self.faults.append(f"{act.__name__}: {wrong!r}")
