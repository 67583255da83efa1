"""What partner platforms do: tokens, lists of all that they reach, agencies and agents that come and go."""

import random
from typing import Any
from urllib.parse import urlencode

from tests.soak.acts.common import key, new_person, require_of
from tests.soak.caller import Turn
from tests.soak.model import Agency, Partner, Seat, Spare, World, Wrong, require_like

BULK = 8


async def take_token(turn: Turn, world: World) -> None:
    await renew(turn, world.partner())


async def renew(turn: Turn, partner: Partner) -> None:
    grant = {"grant_type": "client_credentials", "client_id": partner.client_id, "client_secret": partner.secret}
    facts: dict[str, Any] = random.choice([{"json": grant}, {"form": grant}])
    told = (await turn.call("POST", "/oauth/token", **facts)).json
    require_like(told, {"token_type": "bearer", "expires_in": 3600})
    partner.token = told["access_token"]


async def list_agents(turn: Turn, world: World) -> None:
    partner = world.partner()
    page = random.randint(1, max(1, partner.agents.certain // 25))
    query = random.choice([f"page={page}", f"page={page}&perPage=100", "cursor=first&perPage=50"])
    with partner.agents.watched() as bounds:
        told = (await turn.call("GET", f"/v1/agents?{query}", token=partner.token)).json
    if told["meta"]["total"] is not None:
        bounds.require(told["meta"]["total"], "GET /v1/agents")
    require_agents(partner, told["data"])


async def find_agent(turn: Turn, world: World) -> None:
    seat = world.seat()
    partner = seat.agency.partner
    address = partner.rows[seat.id]["email"]
    query = urlencode({"filterByEmail": address.upper()})
    [found] = (await turn.call("GET", f"/v1/agents?{query}", token=partner.token)).data
    require_like(found, partner.rows[seat.id])


def require_agents(partner: Partner, rows: list[dict[str, Any]]) -> None:
    """Theirs alone, each once, in order, and as it was written."""
    ids = [row["id"] for row in rows]
    if ids != sorted(set(ids)):
        raise Wrong(f"agents out of order: {ids}")
    for row in rows:
        require_of(partner.tag, row["email"])
        require_like(row, partner.rows.get(row["id"], {}))


async def list_agencies(turn: Turn, world: World) -> None:
    partner = world.partner()
    with partner.agencies.watched() as bounds:
        told = (await turn.call("GET", "/v1/agencies?perPage=100", token=partner.token)).json
    bounds.require(told["meta"]["total"], "GET /v1/agencies")
    for row in told["data"]:
        require_of(partner.tag, row["name"])


async def create_agency(turn: Turn, world: World) -> None:
    """And deactivates it again, mostly."""
    partner = world.partner()
    agency = await found_agency(turn, world, partner)
    if random.random() < 0.8:
        with partner.agencies.going(), partner.agents.going():
            await turn.call("DELETE", agency.path, expect=204, token=partner.token)
        await turn.call("GET", agency.path, expect=401, token=agency.owner.token)


async def found_agency(turn: Turn, world: World, partner: Partner) -> Agency:
    tag = f"a{world.number()}-{partner.tag}"
    owner = {"first_name": "Olive", "last_name": "Owner", "email": f"owner@{tag}.example"}
    body = {"agency_name": f"{tag}.example", **owner}
    with partner.agencies.coming(), partner.agents.coming():
        path = "/v1/agencies"
        made = (await turn.call("POST", path, expect=201, token=partner.token, json=body, key=key())).data
    require_like(made, {"agency": {"name": f"{tag}.example"}, "agent": {**owner, "is_admin": True}})
    agency = Agency(made["agency"]["id"], tag, partner)
    agency.seats.append(seated(agency, made["agent"]))
    return agency


def seated(agency: Agency, shown: dict[str, Any]) -> Seat:
    keep_agent(agency.partner, agency.id, shown)
    return Seat(shown["id"], shown["access_token"], shown["slug"], agency)


def keep_agent(partner: Partner, agency_id: int, shown: dict[str, Any]) -> None:
    known = {name: shown[name] for name in ("id", "first_name", "last_name", "email", "slug", "is_admin")}
    partner.rows[shown["id"]] = {**known, "agency": {"id": agency_id}}


async def create_agent(turn: Turn, world: World) -> None:
    agency = world.agency()
    made = await add_agent(turn, world, agency)
    world.spares.put(Spare(made["id"], made["access_token"], agency.partner, agency.id))


async def add_agent(turn: Turn, world: World, agency: Agency, **more: Any) -> dict[str, Any]:
    partner = agency.partner
    body = {**new_person(world, agency), **more}
    with partner.agents.coming():
        path = f"{agency.path}/agents"
        made = (await turn.call("POST", path, expect=201, token=partner.token, json=body, key=key())).data
    require_like(made, body)
    keep_agent(partner, agency.id, made)
    return made


async def create_agents(turn: Turn, world: World) -> None:
    """In bulk, one of them impossible."""
    agency = world.agency()
    partner = agency.partner
    rows = [new_person(world, agency) for _ in range(BULK)]
    faulty = {**new_person(world, agency), "email": "nobody"}
    with partner.agents.coming(BULK):
        path, body = f"{agency.path}/agents/bulk", {"agents": [*rows, faulty]}
        results = (await turn.call("POST", path, token=partner.token, json=body, key=key())).data
    require_like([one["status"] for one in results], [201] * BULK + [422])
    for row, result in zip(rows, results[:BULK], strict=True):
        made = result["agent"]
        require_like(made, row)
        keep_agent(partner, agency.id, made)
        world.spares.put(Spare(made["id"], made["access_token"], partner, agency.id))


async def reset_token(turn: Turn, world: World) -> None:
    with world.spares.taken() as spare:
        await (_reset_token(turn, spare) if spare else create_agent(turn, world))


async def _reset_token(turn: Turn, spare: Spare) -> None:
    path, agency = f"/v1/agents/{spare.id}/reset-access-token", f"/v1/agencies/{spare.agency_id}"
    made = (await turn.call("POST", path, token=spare.partner.token, key=key())).data
    old, spare.token = spare.token, made["agent"]["access_token"]
    await turn.call("GET", agency, expect=401, token=old)
    await turn.call("GET", agency, token=spare.token)


async def deactivate_agent(turn: Turn, world: World) -> None:
    spare = world.spares.take()
    await (_deactivate(turn, spare) if spare else create_agent(turn, world))


async def _deactivate(turn: Turn, spare: Spare) -> None:
    with spare.partner.agents.going():
        await turn.call("DELETE", f"/v1/agents/{spare.id}", expect=204, token=spare.partner.token)
    await turn.call("GET", f"/v1/agencies/{spare.agency_id}", expect=401, token=spare.token)
