"""What is refused: to reach for what is somebody else's, and what is wrong."""

import random
from typing import Any

from tests.soak.acts.common import key, on_a_client
from tests.soak.caller import Turn
from tests.soak.model import Client, World, require_like


async def reach_for_others(turn: Turn, world: World) -> None:
    """Of another partner's agency nothing is seen, and nothing done to it."""
    one, other = random.sample(world.partners, 2)
    seat, theirs = random.choice(random.choice(one.homes).seats), random.choice(random.choice(other.homes).seats)
    agency = theirs.agency
    call = random.choice([
        ("GET", theirs.path, seat.token), ("GET", agency.path, seat.token),
        ("GET", f"{agency.path}/agents", seat.token),
        ("DELETE", agency.path, one.token), ("DELETE", f"/v1/agents/{theirs.id}", one.token),
    ])  # fmt: skip
    await turn.call(call[0], call[1], expect=403, token=call[2])


@on_a_client
async def reach_for_anothers_client(turn: Turn, world: World, client: Client) -> None:
    """Below the caller's own path, where it is not."""
    others = [one for one in world.seats() if one is not client.seat]
    seat = random.choice(others)
    await turn.call("GET", f"{seat.path}/{client.uuid}", expect=404, token=seat.token)


async def send_nonsense(turn: Turn, world: World) -> None:
    seat = world.seat()
    nobody = {"first_name": "A", "last_name": "B"}
    call: tuple[str, str, int, dict[str, Any]] = random.choice([
        ("POST", "/v1/client", 422, {"json": nobody, "key": key()}), ("GET", f"{seat.path}?perPage=0", 422, {}),
        ("GET", f"{seat.path}/none", 400, {}), ("PUT", "/v1/client", 405, {"json": nobody}),
        ("GET", "/v1/agents", 403, {}), ("POST", "/v1/client", 400, {"body": (b"{", "application/json")}),
    ])  # fmt: skip
    method, path, status, facts = call
    told = await turn.call(method, path, expect=status, token=seat.token, **facts)
    require_like(told.json["error"]["request_id"], told.headers["X-Request-Id"])
