"""What agents do with their agency and its webhooks."""

import random

from tests.soak.acts.common import key, require_of
from tests.soak.acts.partners import require_agents
from tests.soak.caller import Turn
from tests.soak.model import World, require_like


async def show_agency(turn: Turn, world: World) -> None:
    seat = world.seat()
    told = (await turn.call("GET", seat.agency.path, token=seat.token)).data
    require_like(told, {"id": seat.agency.id, "name": f"{seat.agency.tag}.example"})


async def colour_agency(turn: Turn, world: World) -> None:
    agency = world.agency()
    colour = f"{random.getrandbits(24):06x}"
    told = (await turn.call("PATCH", agency.path, token=agency.owner.token, json={"color_code": colour})).data
    require_like(told, {"id": agency.id, "color_code": colour})


async def list_colleagues(turn: Turn, world: World) -> None:
    seat = world.seat()
    told = (await turn.call("GET", f"{seat.agency.path}/agents?perPage=100", token=seat.token)).json
    for row in told["data"]:
        require_of(seat.agency.tag, row["email"])
    require_agents(seat.agency.partner, told["data"])


async def look_at_webhooks(turn: Turn, world: World) -> None:
    agency = world.agency()
    uuid = random.choice(list(agency.hooks))
    path = random.choice(["/v1/webhooks", f"/v1/webhooks/{uuid}/deliveries?perPage=50"])
    rows = (await turn.call("GET", path, token=random.choice(agency.seats).token)).data
    if path == "/v1/webhooks":
        require_like(sorted(row["uuid"] for row in rows), sorted(agency.hooks))


async def change_webhook(turn: Turn, world: World) -> None:
    agency = world.agency()
    path = f"/v1/webhooks/{random.choice(list(agency.hooks))}"
    description = f"Number {world.number()}"
    told = (await turn.call("PATCH", path, token=agency.owner.token, json={"description": description})).data
    require_like(told, {"description": description, "status": "enabled"})


async def try_webhook(turn: Turn, world: World) -> None:
    agency = world.agency()
    path = f"/v1/webhooks/{random.choice(list(agency.hooks))}/test"
    agency.events["webhook.test"] += 1
    await turn.call("POST", path, token=agency.owner.token, key=key())
