"""`python -m bench.webhooks_floor [uvloop]`: the floor, an aiohttp loop that signs and posts, and keeps nothing.

On asyncio's own loop, as aiohttp comes and as this code's worker does, or on uvloop. For each line `URL COUNT` on
standard input, it posts so many, and prints the seconds that they took.
"""

import asyncio
import sys
import time

import aiohttp
import uvloop

from api.ids import new_id
from webhooks import signing

AT_ONCE = 200
BODY_BYTES = 1_024


async def main() -> None:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=AT_ONCE)) as session:
        while line := await asyncio.to_thread(sys.stdin.readline):
            url, count = line.split()
            print(await _post(session, url, int(count)), flush=True)


async def _post(session: aiohttp.ClientSession, url: str, count: int) -> float:
    secret = signing.new_secret()
    bodies = iter([_body(number) for number in range(count)])

    async def one_after_the_other() -> None:
        for body in bodies:
            headers = signing.headers(
                message_id=f"msg_{new_id().hex}", timestamp=int(time.time()), body=body, secrets=[secret]
            )
            headers["content-type"] = "application/json"
            async with session.post(url, data=body, headers=headers) as answer:
                assert answer.status == 204
                await answer.read()

    begun = time.perf_counter()
    await asyncio.gather(*(one_after_the_other() for _ in range(AT_ONCE)))
    return time.perf_counter() - begun


def _body(number: int) -> bytes:
    return f'{{"number": {number}, "filler": "'.encode().ljust(BODY_BYTES - 2, b"x") + b'"}'


if __name__ == "__main__":
    (uvloop.run if sys.argv[1:] == ["uvloop"] else asyncio.run)(main())
