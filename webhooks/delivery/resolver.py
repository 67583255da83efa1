"""How deliveries find the addresses of a name: each time anew, all of them judged, and none held up by another name."""

import asyncio
import socket
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from aiohttp.abc import AbstractResolver, ResolveResult

from webhooks.addresses import is_inward, resolve

LOOKUP_THREADS = 128
MAX_ADDRESSES = 8
"""How many of a name's addresses are tried; all are judged."""


class Inward(OSError):
    """An address that is not dialled."""


class Exhausted(OSError):
    """There was nobody to look a name up."""


@dataclass(frozen=True, slots=True)
class _Lookup:
    job: Future[list[str]]
    answer: asyncio.Future[list[str]]


class Resolver(AbstractResolver):
    """Looks names up each time, and gives out the very addresses that it judged.

    A thread that hangs in a look-up cannot be stopped. So all who ask for the same name wait for one thread, and a name
    that hangs holds up no other.
    """

    def __init__(self, *, timeout: float, allow_private: bool) -> None:
        self._timeout = timeout
        self._allow_private = allow_private
        self._threads = ThreadPoolExecutor(max_workers=LOOKUP_THREADS, thread_name_prefix="delivery-lookup")
        self._pending: dict[str, _Lookup] = {}

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Raises OSError: Inward where any address is; Exhausted; gaierror."""
        found = await self._found(host)
        if not self._allow_private and any(is_inward(address) for address in found):
            raise Inward
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for address in found[:MAX_ADDRESSES]
        ]

    async def _found(self, host: str) -> list[str]:
        lookup = self._pending.get(host) or self._begin(host)
        done, _ = await asyncio.wait([lookup.answer], timeout=self._timeout)
        if done:
            return lookup.answer.result()
        if lookup.job.running():
            raise socket.gaierror(socket.EAI_AGAIN, "no answer in time")
        raise Exhausted

    def _begin(self, host: str) -> _Lookup:
        try:
            job = self._threads.submit(resolve, host)
        except RuntimeError as failure:  # no more threads to be had
            raise Exhausted from failure
        lookup = self._pending[host] = _Lookup(job, asyncio.wrap_future(job))
        lookup.answer.add_done_callback(lambda answer: self._end(host, answer))
        return lookup

    def _end(self, host: str, answer: asyncio.Future[list[str]]) -> None:
        del self._pending[host]
        if not answer.cancelled():
            answer.exception()  # seen, should nobody have waited so long

    async def close(self) -> None:
        for lookup in self._pending.values():
            lookup.answer.cancel()
        self._threads.shutdown(wait=False, cancel_futures=True)
