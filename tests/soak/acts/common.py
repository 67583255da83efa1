"""What acts share: new people, rows that are somebody's, and the client that an act is about."""

import random
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any

from clients.models import FunnelStatus
from tests.soak.caller import Turn
from tests.soak.model import Agency, Client, World, Wrong, require_like

Act = Callable[[Turn, World], Awaitable[None]]
WORDS = ("Ann", "Bea", "Carl", "Dora", "Emil", "Flora", "Gus", "Hanna", "Ivo", "Jule")


def key() -> str:
    """For the header Idempotency-Key."""
    return f"soak-{random.getrandbits(64):x}"


def new_person(world: World, agency: Agency) -> dict[str, Any]:
    number = world.number()
    name = {"first_name": random.choice(WORDS), "last_name": f"Person{number:07}"}
    return {**name, "email": f"n{number}@{agency.tag}.example", "phone_number": f"(212) 555-{number % 10_000:04}"}


def require_of(tag: str, name: str) -> None:
    """That a row is the caller's own, by its address or name. Raises Wrong."""
    if not name.endswith(f"{tag}.example"):
        raise Wrong(f"a row of somebody else: {name}, shown to {tag}")


async def create_client(turn: Turn, world: World) -> None:
    """Now and then the same once more, with the same Idempotency-Key."""
    seat = world.seat()
    values = {**new_person(world, seat.agency), "sales_funnel_status": random.choice(FunnelStatus.values)}
    call: dict[str, Any] = {"expect": 201, "token": seat.token, "json": values, "key": key()}
    with seat.clients.coming():
        made = (await turn.call("POST", "/v1/client", **call)).data
    client = Client(made["uuid"], seat, values)
    require_like(made, client.shown())
    if random.random() < 0.1:
        again = await turn.call("POST", "/v1/client", **call)
        require_like([again.headers.get("Idempotency-Replayed"), again.data], ["true", made])
    world.clients.put(client)


def on_a_client(act: Callable[[Turn, World, Client], Awaitable[None]]) -> Act:
    """An act on a client that nobody else works at just now. Where there is none, one is made instead."""

    @wraps(act)
    async def acted(turn: Turn, world: World) -> None:
        with world.clients.taken() as client:
            await (act(turn, world, client) if client else create_client(turn, world))

    return acted
