"""The judge of the soak: what it lets pass, what it tries again, and what it calls wrong."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web

from tests.soak.acts.clients import require_clients
from tests.soak.caller import Answer, Caller, Tries
from tests.soak.drive import Fault
from tests.soak.figures import Figures, Part, faults
from tests.soak.model import Agency, Count, Partner, Seat, Wrong, require_like
from tests.soak.report import tell_recovery
from tests.soak.system import DATABASE

LIMITS = {"X-RateLimit-Limit": "1", "X-RateLimit-Remaining": "1", "X-RateLimit-Reset": "1"}
Answers = Callable[[web.Request], Awaitable[web.StreamResponse]]


def called(*scripted: web.Response | None, expect: int = 200, key: str = "k") -> tuple[Answer, Tries, list[str]]:
    """What comes of a call to a server that answers so, one try after the other; None hangs up. Gives the keys, too."""
    keys, left = [], list(scripted)

    async def answer(request: web.Request) -> web.StreamResponse:
        keys.append(request.headers["Idempotency-Key"])
        this = left.pop(0)
        if this is None:
            assert request.transport
            request.transport.abort()
            return web.Response()
        return this

    async def call() -> tuple[Answer, Tries, list[str]]:
        application = web.Application()
        application.router.add_post("/v1/client", answer)
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        caller = Caller(f"http://127.0.0.1:{runner.addresses[0][1]}")
        try:
            told = await caller.turn().call("POST", "/v1/client", expect=expect, json={}, key=key)
            return told, caller.tries, keys
        finally:
            await caller.hang_up()
            await runner.cleanup()

    return asyncio.run(call())


def away(**headers: str) -> web.Response:
    return web.Response(
        status=503, headers={**LIMITS, **{name.replace("_", "-"): text for name, text in headers.items()}}
    )


def good() -> web.Response:
    return web.json_response({"data": 1}, headers=LIMITS)


def test_what_was_cut_or_refused_for_a_while_is_tried_again_with_the_same_key() -> None:
    told, tries, keys = called(None, away(Retry_After="0"), good())
    assert (told.data, keys) == (1, ["k", "k", "k"])
    assert (len(tries.cut), len(tries.away)) == (1, 1)
    assert [good for _, good in tries.ended] == [False, False, True]


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (away(), "503 without Retry-After"),
        (web.Response(status=500, headers=LIMITS), "500 instead of 200"),
        (web.Response(status=404, headers=LIMITS), "404 instead of 200"),
        (web.json_response({"data": 1}), "without the headers of the rate limit"),
    ],
)
def test_other_answers_are_wrong(answer: web.Response, why: str) -> None:
    with pytest.raises(Wrong, match=why):
        called(answer)


def test_a_total_may_be_what_it_was_or_will_be_and_nothing_else() -> None:
    count = Count(certain=3, possible=3)
    with count.watched() as bounds, count.coming(2), count.going():
        pass
    for total in (2, 3, 4, 5):
        bounds.require(total, "rows")
    for total in (1, 6):
        with pytest.raises(Wrong):
            bounds.require(total, "rows")
    assert (count.certain, count.possible) == (4, 4)


@pytest.mark.parametrize("shown", [{"a": [1, 3]}, {"a": [1]}, {"a": [1, 2, 3]}, {}, {"a": None}])
def test_what_is_not_as_it_was_written_is_wrong(shown: object) -> None:
    require_like({"a": [1, 2], "b": 1}, {"a": [1, 2]})
    with pytest.raises(Wrong, match="was written as"):
        require_like(shown, {"a": [1, 2]})


def test_a_row_of_another_tenant_is_wrong() -> None:
    seat = Seat(1, "", "", Agency(1, "a1-p0", Partner("p0", "", "")))
    require_clients(seat, [{"email": "n1@a1-p0.example", "agent": {"id": 1}}])
    for row in ({"email": "n1@a2-p0.example", "agent": {"id": 1}}, {"email": "n1@a1-p0.example", "agent": {"id": 2}}):
        with pytest.raises(Wrong):
            require_clients(seat, [row])


def figures(
    own: float = 100,
    files: int = 10,
    connections: int = 16,
    in_transaction: int = 0,
    database: tuple[int, float] = (9, 88),
) -> Figures:
    processes, memory = database
    parts = {"server": Part(3, own, own, own, files), DATABASE: Part(processes, memory, memory, memory, 1000)}
    return Figures(parts, connections, in_transaction, 5, 1)


@pytest.mark.parametrize(
    "after", [figures(own=150), figures(files=40), figures(connections=25), figures(in_transaction=1)]
)
def test_what_grows_is_told(after: Figures) -> None:
    assert faults(figures(), figures(own=110, files=12)) == []
    assert len(faults(figures(), after)) == 1


def test_what_comes_with_a_connection_more_is_no_growth() -> None:
    few = figures(connections=9, database=(18, 88))
    assert faults(few, figures(files=40, connections=16, database=(25, 130))) == []
    assert len(faults(few, figures(files=50, connections=16, database=(18, 130)))) == 2


def test_answers_of_503_count_by_what_was_away(capsys: pytest.CaptureFixture[str]) -> None:
    database, worker = (
        Fault(name, lambda: None, takes_database, begun=begun, ended=begun + 2)
        for name, takes_database, begun in (("PostgreSQL restarted", True, 10.0), ("worker killed", False, 30.0))
    )
    tries = Tries(away=[11.0], ended=[(11.0, False), (12.5, True)])
    assert tell_recovery(tries, [database, worker], 0.0) == []
    assert "first good answer after 2.50 s, 99 % good after 2 s" in capsys.readouterr().out
    for late in (23.0, 31.0, 5.0):
        assert len(tell_recovery(Tries(away=[late]), [database, worker], 0.0)) == 1
    slow = Tries(ended=[(float(at), at > 25) for at in range(10, 30)])
    assert tell_recovery(slow, [database, worker], 0.0) == [
        "PostgreSQL restarted: 99 % of answers are good after 16 s only"
    ]
