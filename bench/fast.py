"""The same endpoint in FastAPI, on asyncpg and uvicorn: what many would pick instead of Django.

As its documentation has it: models that check and write the answer, a dependency for each step before it. The same SQL
as everywhere here, the same count of each caller's requests in Valkey.
"""

import hashlib
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Annotated

import asyncpg
from fastapi import Depends, FastAPI, Header, HTTPException, Query, Request, Response
from pydantic import BaseModel
from redis.asyncio import Redis

from bench import floor

CONNECTIONS = 4
"""To PostgreSQL: as many as other contenders have threads."""
PER_MINUTE = 60


def numbered(sql: str) -> str:
    """With $1, which asyncpg takes, for the one value of each statement."""
    return sql.replace("%s", "$1")


AUTHENTICATE, COUNT, PAGE = map(numbered, (floor.AUTHENTICATE, floor.COUNT, floor.PAGE))


class Agency(BaseModel):
    id: int
    name: str
    color_code: str


class Agent(BaseModel):
    id: int
    first_name: str
    last_name: str
    email: str
    slug: str
    phone_number: str
    is_admin: bool
    is_owner: bool
    agency: Agency
    profile_picture_url: str | None
    created_at: datetime
    deactivated_at: datetime | None


class Meta(BaseModel):
    current_page: int
    per_page: int
    last_page: int
    total: int


class Page(BaseModel):
    data: list[Agent]
    meta: Meta


@asynccontextmanager
async def lifespan(application: FastAPI) -> AsyncIterator[None]:
    address, named = os.environ["DATABASE_URL"], {"application_name": os.environ["PGAPPNAME"]}
    connecting = asyncpg.create_pool(address, min_size=CONNECTIONS, max_size=CONNECTIONS, server_settings=named)
    async with connecting as pool:
        application.state.database = pool
        application.state.counters = Redis.from_url(os.environ["REDIS_URL"])
        yield
        await application.state.counters.aclose()


application = FastAPI(lifespan=lifespan)


async def caller(request: Request, authorization: Annotated[str, Header()]) -> int:
    """The partner's id. 401 for any token that is not a living one."""
    checksum = hashlib.sha256(authorization.removeprefix("Bearer ").encode()).hexdigest()
    client = await request.app.state.database.fetchval(AUTHENTICATE, checksum)
    if client is None:
        raise HTTPException(401)
    return client


async def counted(request: Request, response: Response, authorization: Annotated[str, Header()]) -> None:
    """429 for a token's requests over a minute's limit."""
    window = int(time.time()) // 60
    key = f"fast|{authorization}|{window}"
    async with request.app.state.counters.pipeline(transaction=False) as pipeline:
        count, _ = await pipeline.incr(key).expire(key, 120).execute()
    response.headers["X-RateLimit-Limit"] = str(PER_MINUTE)
    response.headers["X-RateLimit-Remaining"] = str(max(0, PER_MINUTE - count))
    if count > PER_MINUTE:
        raise HTTPException(429)


@application.get("/v1/agents", dependencies=[Depends(counted)])
async def agents(
    request: Request,
    client: Annotated[int, Depends(caller)],
    per_page: Annotated[int, Query(alias="perPage", ge=25, le=25)] = 25,
) -> Page:
    """The first page; `perPage` is what the load asks for, and stands in the SQL."""
    async with request.app.state.database.acquire() as connection:
        total = await connection.fetchval(COUNT, str(client))
        rows = await connection.fetch(PAGE, client)
    meta = Meta(current_page=1, per_page=per_page, last_page=max(1, -(-total // per_page)), total=total)
    return Page(data=[_agent(*row) for row in rows], meta=meta)


def _agent(
    pk: int, first_name: str, last_name: str, email: str, slug: str, phone_number: str, is_admin: bool, is_owner: bool,
    agency_id: int, agency_name: str, color_code: str, picture: str, created: datetime, deactivated: datetime | None,
) -> Agent:  # fmt: skip
    return Agent(
        id=pk,
        first_name=first_name,
        last_name=last_name,
        email=email,
        slug=slug,
        phone_number=phone_number,
        is_admin=is_admin,
        is_owner=is_owner,
        agency=Agency(id=agency_id, name=agency_name, color_code=color_code),
        profile_picture_url=picture or None,
        created_at=created,
        deactivated_at=deactivated,
    )
