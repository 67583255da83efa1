"""What consumers do on the public page of an agent."""

import time
from typing import Any
from urllib.parse import urlencode

from clients.public import guards
from tests.clients.visitor import Form
from tests.soak.acts.common import new_person
from tests.soak.caller import Answer, Turn
from tests.soak.model import Client, Seat, Submission, Visit, World, Wrong, require_like

LEAST_FILLING = guards.LEAST_FILLING.total_seconds() + 0.5
MOST_VISITS = 100
"""Forms that are open at the same time."""


async def open_page(turn: Turn, world: World) -> None:
    seat = world.seat()
    path = f"/{seat.slug}"
    answer = await turn.call("GET", path, Accept="text/html")
    if f"{seat.agency.tag}.example" not in answer.content.decode():
        raise Wrong(f"{path} does not name its agency")
    if len(world.visits) < MOST_VISITS:
        world.visits.put(visit_of(seat, path, answer))


def visit_of(seat: Seat, path: str, answer: Answer) -> Visit:
    form = Form()
    form.feed(answer.content.decode())
    return Visit(seat, path, form.values, answer.headers["Set-Cookie"].partition(";")[0], time.monotonic())


async def send_form(turn: Turn, world: World) -> None:
    """Fills in the form of a page that was opened a while ago, and finishes. The agent finds it."""
    visit = world.visits.take()
    if visit and time.monotonic() - visit.since > LEAST_FILLING:
        await _send_form(turn, world, visit)
    else:
        await open_page(turn, world)


async def _send_form(turn: Turn, world: World, visit: Visit) -> None:
    seat, person = visit.seat, new_person(world, visit.seat.agency)
    with seat.clients.coming():
        begun = await send(turn, visit, {**person, "insurance_types": ["auto"]})
    link = begun.headers["Location"]
    page = visit_of(seat, link, await turn.call("GET", link, Accept="text/html", Cookie=visit.cookie))
    seat.agency.events["client-submission.complete"] += 1
    await send(turn, page, {"act": "finish"})
    query = urlencode({"filterByEmail": person["email"], "include": "submissions"})
    [found] = (await turn.call("GET", f"{seat.path}?{query}", token=seat.token)).data
    client = Client(found["uuid"], seat, {**person, "sales_funnel_status": "new"})
    client.submissions.append(Submission(found["submissions"][0]["uuid"], ["auto"], complete=True))
    require_like(found, client.shown())
    world.clients.put(client)


async def send(turn: Turn, visit: Visit, filled: dict[str, Any]) -> Answer:
    body = urlencode({**visit.form, **filled}, doseq=True).encode(), "application/x-www-form-urlencoded"
    return await turn.call("POST", visit.path, expect=303, body=body, Cookie=visit.cookie, Accept="text/html")
