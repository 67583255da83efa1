"""What agents do with their clients."""

import random
import time
from typing import Any
from urllib.parse import quote, urlencode

from clients.models import FunnelStatus
from tests.soak.acts.common import WORDS, create_client, key, on_a_client, require_of
from tests.soak.caller import Turn
from tests.soak.model import Client, Seat, World, Wrong, require_like

MOST_PAGES = 5
"""That are looked at in one walk."""


@on_a_client
async def show_client(turn: Turn, world: World, client: Client) -> None:
    include = random.choice(["", "?include=submissions.declaration_pages"])
    told = await turn.call("GET", f"{client.path}{include}", token=client.seat.token)
    require_like(told.data, client.in_full() if include else client.shown())
    etag = told.headers["ETag"]
    if random.random() < 0.2 and not include:
        unchanged = {"token": client.seat.token, "If-None-Match": etag}
        await turn.call("GET", client.path, expect=304, **unchanged)


async def list_clients(turn: Turn, world: World) -> None:
    """A page of them, with its total."""
    seat = world.seat()
    page = random.randint(1, max(1, seat.clients.certain // 25))
    query = f"page={page}" + random.choice(["", "", "&sort=-created_at", "&sort=last_name", "&include=submissions"])
    with seat.clients.watched() as bounds:
        told = (await turn.call("GET", f"{seat.path}?{query}", token=seat.token)).json
    bounds.require(told["meta"]["total"], f"GET {seat.path}")
    require_clients(seat, told["data"])


async def search_clients(turn: Turn, world: World) -> None:
    seat = world.seat()
    hour_ago = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 3600))
    query = random.choice([
        f"search={random.choice(WORDS)}", f"filterByName={random.choice(WORDS)[:2]}",
        f"salesFunnelStatus={random.choice(FunnelStatus.values)}&salesFunnelStatus=new",
        f"createdAfter={quote(hour_ago)}&sort=updated_at", f"updatedSince={quote(hour_ago)}",
    ])  # fmt: skip
    with seat.clients.watched() as bounds:
        told = (await turn.call("GET", f"{seat.path}?{query}", token=seat.token)).json
    if told["meta"]["total"] > bounds.most:
        raise Wrong(f"{seat.path}?{query} finds {told['meta']['total']} of {bounds.most}")
    require_clients(seat, told["data"])


@on_a_client
async def find_client(turn: Turn, world: World, client: Client) -> None:
    values = client.values
    query = urlencode(random.choice([{"filterByEmail": values["email"]}, {"filterByName": values["last_name"]}]))
    [found] = (await turn.call("GET", f"{client.seat.path}?{query}", token=client.seat.token)).data
    require_like(found, client.shown())


async def walk_clients(turn: Turn, world: World) -> None:
    seat = world.seat()
    path, seen = f"{seat.path}?perPage=50&cursor=first", set[str]()
    for _ in range(MOST_PAGES):
        told = (await turn.call("GET", path, token=seat.token)).json
        require_clients(seat, told["data"])
        ids = {row["uuid"] for row in told["data"]}
        if seen & ids:
            raise Wrong(f"{seat.path}: a walk by cursor shows {seen & ids} twice")
        seen |= ids
        if not told["links"]["next"]:
            return
        path = told["links"]["next"].removeprefix(turn.caller.url)


def require_clients(seat: Seat, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        require_of(seat.agency.tag, row["email"])
        require_like(row["agent"], {"id": seat.id})


@on_a_client
async def update_client(turn: Turn, world: World, client: Client) -> None:
    number, events = world.number(), client.seat.agency.events
    others = [one for one in FunnelStatus.values if one != client.values["sales_funnel_status"]]
    values: dict[str, str] = {}
    if random.random() < 0.7:
        values |= {"first_name": random.choice(WORDS), "last_name": f"Changed{number:07}"}
        events["client.updated"] += 1
    if not values or random.random() < 0.3:
        values["sales_funnel_status"] = random.choice(others)
        events["client.sales-funnel-status-change"] += 1
    client.values |= values
    told = (await turn.call("PATCH", client.path, token=client.seat.token, json=values)).data
    require_like(told, client.shown())


@on_a_client
async def reassign_client(turn: Turn, world: World, client: Client) -> None:
    agency, before = client.seat.agency, client.seat
    to = random.choice([one for one in agency.seats if one is not before])
    path, token = f"{client.path}/reassign", agency.owner.token
    agency.events["client.reassigned"] += 1
    with before.clients.going(), to.clients.coming():
        told = (await turn.call("POST", path, token=token, json={"agent_id": to.id}, key=key())).data
    client.seat = to
    require_like(told, client.shown())


async def destroy_client(turn: Turn, world: World) -> None:
    client = world.clients.take()
    await (_destroy(turn, client) if client else create_client(turn, world))


async def _destroy(turn: Turn, client: Client) -> None:
    with client.seat.clients.going():
        await turn.call("POST", f"{client.path}/destroy", expect=204, token=client.seat.token, key=key())
    await turn.call("GET", client.path, expect=404, token=client.seat.token)
