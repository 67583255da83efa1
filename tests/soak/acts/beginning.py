"""What there is when the traffic begins: partners with agencies whose agents work, and webhooks to the receiver."""

from tests.soak.acts.partners import add_agent, found_agency, renew, seated
from tests.soak.caller import Caller
from tests.soak.model import Agency, Hook, Partner, World
from tests.soak.receiver import Receiver

HOMES = 3
"""Agencies of each partner."""
COLLEAGUES = 3
"""Agents of each beside the owner, one of them an admin."""
WANTED = {"all": ["*"], "few": ["client.updated", "client-submission.complete"]}
"""Which events the webhooks of each agency are for."""


async def found(caller: Caller, receiver: Receiver, credentials: list[tuple[str, str]]) -> World:
    world = World()
    for number, (client_id, secret) in enumerate(credentials):
        partner = Partner(f"p{number}", client_id, secret)
        world.partners.append(partner)
        await renew(caller.turn(), partner)
        for _ in range(HOMES):
            agency = await found_agency(caller.turn(), world, partner)
            for place in range(COLLEAGUES):
                made = await add_agent(caller.turn(), world, agency, is_admin=place == 0)
                agency.seats.append(seated(agency, made))
            for name in WANTED:
                await _subscribe(caller, receiver, agency, name)
            partner.homes.append(agency)
    return world


async def _subscribe(caller: Caller, receiver: Receiver, agency: Agency, name: str) -> None:
    path = f"/{agency.tag}/{name}"
    body, token = {"url": receiver.url(path), "events": WANTED[name]}, agency.owner.token
    made = (await caller.turn().call("POST", "/v1/webhooks", expect=201, token=token, json=body)).data
    receiver.secrets[path], receiver.agencies[path] = made["secret"], agency.id
    agency.hooks[made["uuid"]] = Hook(path, WANTED[name])
