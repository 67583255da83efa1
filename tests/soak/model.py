"""What the driver knows of the world: what must be there, and between which bounds a total must lie."""

import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

Item = TypeVar("Item")


@dataclass(eq=False)
class Bounds:
    """Of a total."""

    least: int
    most: int

    def require(self, total: int, of: str) -> None:
        if not self.least <= total <= self.most:
            raise Wrong(f"{of}: a total of {total}, and there are {self.least} to {self.most}")


class Wrong(Exception):
    """An answer that should not be."""


@dataclass(eq=False)
class Count:
    """How many rows there are, for those who ask while others change it: what is on its way counts as possible only."""

    certain: int = 0
    possible: int = 0
    _watching: list[Bounds] = field(default_factory=list)

    @contextmanager
    def watched(self) -> Iterator[Bounds]:
        """What may be told of it by an answer that comes while the block runs."""
        bounds = Bounds(self.certain, self.possible)
        self._watching.append(bounds)
        try:
            yield bounds
        finally:
            self._watching.remove(bounds)

    def move(self, *, certain: int = 0, possible: int = 0) -> None:
        self.certain += certain
        self.possible += possible
        for bounds in self._watching:
            bounds.least, bounds.most = min(bounds.least, self.certain), max(bounds.most, self.possible)

    @contextmanager
    def coming(self, rows: int = 1) -> Iterator[None]:
        self.move(possible=rows)
        yield
        self.move(certain=rows)

    @contextmanager
    def going(self) -> Iterator[None]:
        self.move(certain=-1)
        yield
        self.move(possible=-1)


class Pool(Generic[Item]):
    """What nobody works at just now. What is taken is nobody else's until it is given back."""

    def __init__(self) -> None:
        self._free: list[Item] = []

    def __len__(self) -> int:
        return len(self._free)

    def put(self, item: Item) -> None:
        self._free.append(item)

    def take(self) -> Item | None:
        if not self._free:
            return None
        place = random.randrange(len(self._free))
        self._free[place], self._free[-1] = self._free[-1], self._free[place]
        return self._free.pop()

    @contextmanager
    def taken(self) -> Iterator[Item | None]:
        """Given back at the end, unless what was done with it went wrong: then nobody knows what it is now."""
        item = self.take()
        yield item
        if item is not None:
            self.put(item)

    def all(self) -> list[Item]:
        return list(self._free)


@dataclass(eq=False)
class Partner:
    tag: str
    client_id: str
    secret: str
    token: str = ""
    agencies: Count = field(default_factory=Count)
    """Active ones."""
    agents: Count = field(default_factory=Count)
    """Active ones."""
    rows: dict[int, dict[str, Any]] = field(default_factory=dict)
    """Every agent, as it must be shown."""
    homes: list["Agency"] = field(default_factory=list)
    """Agencies with agents who work."""


@dataclass(eq=False)
class Agency:
    id: int
    tag: str
    """In every name and address that belongs to it."""
    partner: Partner
    seats: list["Seat"] = field(default_factory=list)
    hooks: dict[str, "Hook"] = field(default_factory=dict)
    """By id."""
    events: Counter[str] = field(default_factory=Counter)
    """What happened, by type."""

    @property
    def path(self) -> str:
        return f"/v1/agencies/{self.id}"

    @property
    def owner(self) -> "Seat":
        return self.seats[0]


@dataclass(frozen=True)
class Hook:
    """A webhook."""

    path: str
    """Where its deliveries come in, at the receiver."""
    events: list[str]


@dataclass(eq=False)
class Seat:
    """An agent who works."""

    id: int
    token: str
    slug: str
    agency: Agency
    clients: Count = field(default_factory=Count)

    @property
    def path(self) -> str:
        return f"/v1/agents/{self.id}/clients"


@dataclass(eq=False)
class Spare:
    """An agent who only is there, to be reset and deactivated."""

    id: int
    token: str
    partner: Partner
    agency_id: int


@dataclass(eq=False)
class Client:
    uuid: str
    seat: Seat
    values: dict[str, Any]
    """As they must be shown."""
    submissions: list["Submission"] = field(default_factory=list)

    @property
    def path(self) -> str:
        return f"{self.seat.path}/{self.uuid}"

    def shown(self) -> dict[str, Any]:
        agent = {"id": self.seat.id, "slug": self.seat.slug}
        return {"uuid": self.uuid, **self.values, "agent": agent}

    def in_full(self) -> dict[str, Any]:
        return {**self.shown(), "submissions": [one.shown() for one in self.submissions]}


@dataclass(eq=False)
class Submission:
    uuid: str
    types: list[str]
    complete: bool = False
    pages: list[dict[str, Any]] = field(default_factory=list)
    """As they must be shown."""

    def shown(self) -> dict[str, Any]:
        status = "complete" if self.complete else "in_progress"
        return {
            "uuid": self.uuid, "status": status, "insurance_types": self.types, "declaration_pages": self.pages,
        }  # fmt: skip


@dataclass(eq=False)
class Visit:
    """A consumer who has a public page before him."""

    seat: Seat
    path: str
    form: dict[str, list[str]]
    cookie: str
    since: float


@dataclass
class World:
    partners: list[Partner] = field(default_factory=list)
    clients: Pool[Client] = field(default_factory=Pool)
    spares: Pool[Spare] = field(default_factory=Pool)
    visits: Pool[Visit] = field(default_factory=Pool)
    policies: dict[str, str] = field(default_factory=dict)
    """The policy's number in each declaration page, for a worker to read."""
    _number: int = 0

    def number(self) -> int:
        """One that nothing else has."""
        self._number += 1
        return self._number

    def partner(self) -> Partner:
        return random.choice(self.partners)

    def agency(self) -> Agency:
        return random.choice(self.partner().homes)

    def seat(self) -> Seat:
        return random.choice(self.agency().seats)

    def homes(self) -> list[Agency]:
        return [agency for partner in self.partners for agency in partner.homes]

    def seats(self) -> list[Seat]:
        return [seat for agency in self.homes() for seat in agency.seats]


def require_like(shown: Any, expected: Any, where: str = "data") -> None:
    """All that is expected is there, and so. Raises Wrong."""
    if isinstance(expected, dict) and isinstance(shown, dict):
        for name, value in expected.items():
            require_like(shown.get(name), value, f"{where}.{name}")
    elif isinstance(expected, list) and isinstance(shown, list) and len(shown) == len(expected):
        for place, (one, other) in enumerate(zip(shown, expected, strict=True)):
            require_like(one, other, f"{where}.{place}")
    elif shown != expected:
        raise Wrong(f"{where} is {shown!r}, and was written as {expected!r}")
