"""A crowd: callers who do at random what callers do, to one agency and its neighbour, eight of them at once."""

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from tests.answers import data
from tests.clients.conftest import JOE, upload
from tests.conftest import AgencySeat, AgentSeat, PartnerSeat
from tests.pictures import png

from .remote import RemoteApi

CALLERS = 8
FEW = 6
"""Of addresses and of slugs, so that callers want the same ones."""


@dataclass
class Crowd:
    """What all of them know. Lists grow while others choose from them."""

    api: RemoteApi
    partner: PartnerSeat
    agency: AgencySeat
    neighbour: AgencySeat
    admin: AgentSeat
    """Never deactivated, its token never reset."""
    hook: str
    """The path of the webhook that nobody touches."""
    agents: list[int]
    clients: list[str] = field(default_factory=list)
    """Paths, as each client had it last."""
    submissions: list[str] = field(default_factory=list)
    pages: list[str] = field(default_factory=list)
    webhooks: list[str] = field(default_factory=list)
    told: list[tuple[str, int, bool]] = field(default_factory=list)
    """Of each answer: to which act, its status, whether it was replayed."""
    added: int = 0
    """Agents, as answers say."""

    def act(self, seed: int, count: int) -> None:
        with ThreadPoolExecutor(CALLERS) as pool:
            for ended in [pool.submit(Caller(self, random.Random(seed + n)).act, count) for n in range(CALLERS)]:
                ended.result(300)

    @property
    def surprises(self) -> list[tuple[str, int, bool]]:
        honest = {200, 201, 204, 401, 403, 404, 409, 422}
        return [one for one in self.told if one[1] not in honest]

    def done(self, act: str) -> int:
        """How often it was done, by the answers."""
        return sum(name == act and status < 300 and not replayed for name, status, replayed in self.told)


@dataclass
class Caller:
    crowd: Crowd
    dice: random.Random

    def act(self, count: int) -> None:
        acts: list[Callable[[], None]] = [
            self.add_agent, self.add_agents, self.change_agent, self.end_agent, self.wake_agent, self.reset_token,
            self.transfer, self.rest_neighbour, self.add_client, self.add_client, self.change_client, self.reassign,
            self.destroy, self.begin, self.begin, self.change_submission, self.upload, self.upload, self.complete,
            self.correct_page, self.remove_page, self.add_webhook, self.change_webhook, self.end_webhook,
            self.use_webhook,
        ]  # fmt: skip
        for _ in range(count):
            self.dice.choice(acts)()

    # --- how it calls -----------------------------------------------------------------------------------

    def send(self, act: str, method: str, path: str, *, token: str = "", **content: Any) -> Any:
        """One POST in four is sent twice at once, with the same key. Gives what was made, if it was."""
        token = token or self.crowd.admin.token
        keys = {"idempotency_key": f"{self.dice.getrandbits(64):x}"} if method == "POST" else {}
        twins = 2 if method == "POST" and self.dice.random() < 0.25 else 1

        def call() -> Any:
            fresh = {name: value() if callable(value) else value for name, value in content.items()}
            return self.crowd.api.call(method, path, token=token, **fresh, **keys)

        with ThreadPoolExecutor(twins) as pool:
            answers = [future.result(60) for future in [pool.submit(call) for _ in range(twins)]]
        for answer in answers:
            self.crowd.told.append((act, answer.status_code, "Idempotency-Replayed" in answer.headers))
        good = [answer for answer in answers if answer.status_code in (200, 201)]
        return data(good[0]) if good else None

    def any_of(self, known: list[Any]) -> Any:
        return self.dice.choice(known) if known else None

    # --- agents -----------------------------------------------------------------------------------------

    def person(self) -> dict[str, Any]:
        few = self.dice.randrange(FEW)
        return {"first_name": "Ann", "last_name": "Agent", "email": f"crowd{few}@example.com"}

    def suffix(self) -> str:
        return f"crowd{self.dice.randrange(FEW)}"

    def add_agent(self) -> None:
        form = {**self.person(), "slug_suffix": self.suffix()}
        path = f"{self.crowd.agency.path}/agents"
        made = self.send(
            "agent", "POST", path, token=self.crowd.partner.token, form=lambda: {**form, "profile_picture": png()}
        )
        if made:
            self.crowd.added += 1
            self.crowd.agents.append(made["id"])

    def add_agents(self) -> None:
        agency = self.dice.choice([self.crowd.agency, self.crowd.neighbour])
        numbers = self.dice.sample(range(FEW), 4)
        rows = [{**self.person(), "email": f"{n}@example.com", "slug_suffix": f"bulk{n}"} for n in numbers]
        path = f"{agency.path}/agents/bulk"
        made = self.send("agents", "POST", path, token=self.crowd.partner.token, json={"agents": rows})
        new = [row["agent"]["id"] for row in made or () if row["status"] == 201]
        self.crowd.added += len(new)
        if agency is self.crowd.agency:
            self.crowd.agents.extend(new)

    def change_agent(self) -> None:
        form: dict[str, Any] = self.dice.choice(
            [
                {"email": self.person()["email"]},
                {"slug_suffix": self.suffix()},
                {"is_admin": "true"},
                {"is_admin": "false"},
            ]
        )
        path = f"{self.crowd.agency.path}/agents/{self.any_of(self.crowd.agents)}"
        self.send("agent change", "PATCH", path, form=lambda: {**form, "profile_picture": png()})

    def end_agent(self) -> None:
        agent_id = self.any_of(self.crowd.agents)
        if self.dice.random() < 0.5:
            self.send("agent end", "DELETE", f"/v1/agents/{agent_id}", token=self.crowd.partner.token)
        else:
            self.send("agent end", "DELETE", f"{self.crowd.agency.path}/agents/{agent_id}")

    def wake_agent(self) -> None:
        path = f"/v1/agents/{self.any_of(self.crowd.agents)}/reactivate"
        self.send("agent wake", "POST", path, token=self.crowd.partner.token)

    def reset_token(self) -> None:
        path = f"/v1/agents/{self.any_of(self.crowd.agents)}/reset-access-token"
        self.send("reset", "POST", path, token=self.crowd.partner.token)

    def transfer(self) -> None:
        path, agent_id = f"{self.crowd.agency.path}/transfer-ownership", self.any_of(self.crowd.agents)
        self.send("transfer", "POST", path, token=self.crowd.partner.token, json={"agent_id": agent_id})

    def rest_neighbour(self) -> None:
        path, token = self.crowd.neighbour.path, self.crowd.partner.token
        self.send("agency end", "DELETE", path, token=token)
        self.send("agency wake", "POST", f"{path}/reactivate", token=token)

    # --- clients ----------------------------------------------------------------------------------------

    def add_client(self) -> None:
        body = {**JOE, "agent_id": self.any_of(self.crowd.agents)}
        if made := self.send("client", "POST", "/v1/client", json=body):
            self.crowd.clients.append(f"/v1/agents/{made['agent']['id']}/clients/{made['uuid']}")

    def change_client(self) -> None:
        status = self.dice.choice(["new", "contacted", "quoted", "won", "lost"])
        body = {"first_name": f"Joe {self.dice.randrange(FEW)}", "sales_funnel_status": status}
        self.on("client change", "PATCH", self.crowd.clients, "", json=body)

    def reassign(self) -> None:
        made = self.on(
            "reassign", "POST", self.crowd.clients, "/reassign", json={"agent_id": self.any_of(self.crowd.agents)}
        )
        if made:
            self.crowd.clients.append(f"/v1/agents/{made['agent']['id']}/clients/{made['uuid']}")

    def destroy(self) -> None:
        if self.dice.random() < 0.5:  # else little is left for the others
            self.on("destroy", "POST", self.crowd.clients, "/destroy")

    def on(self, act: str, method: str, known: list[str], rest: str, **content: Any) -> Any:
        """Does it to any of those that are known."""
        path = self.any_of(known)
        return path and self.send(act, method, f"{path}{rest}", **content)

    def begin(self) -> None:
        if client := self.any_of(self.crowd.clients):
            made = self.send("submission", "POST", f"{client}/submissions", json={"insurance_types": ["auto"]})
            if made:
                self.crowd.submissions.append(f"{client}/submissions/{made['uuid']}")

    def change_submission(self) -> None:
        types = self.dice.sample(["auto", "home", "life"], 2)
        self.on("submission change", "PATCH", self.crowd.submissions, "", json={"insurance_types": types})

    def upload(self) -> None:
        if submission := self.any_of(self.crowd.submissions):
            path = f"{submission}/declaration-pages"
            if made := self.send("page", "POST", path, form=lambda: {"file": upload()}):
                self.crowd.pages.append(f"{path}/{made['uuid']}")

    def complete(self) -> None:
        if self.dice.random() < 0.5:
            self.on("complete", "POST", self.crowd.submissions, "/complete")

    def correct_page(self) -> None:
        self.on("page change", "PATCH", self.crowd.pages, "", json={"carrier": f"Carrier {self.dice.randrange(FEW)}"})

    def remove_page(self) -> None:
        self.on("page end", "DELETE", self.crowd.pages, "")

    # --- webhooks ---------------------------------------------------------------------------------------

    def add_webhook(self) -> None:
        body = {"url": f"http://127.0.0.1:1/{self.dice.randrange(FEW)}", "events": ["*"]}
        if made := self.send("webhook", "POST", "/v1/webhooks", json=body):
            self.crowd.webhooks.append(f"/v1/webhooks/{made['uuid']}")

    def change_webhook(self) -> None:
        status = self.dice.choice(["enabled", "disabled"])
        self.on("webhook change", "PATCH", self.crowd.webhooks, "", json={"status": status})

    def end_webhook(self) -> None:
        self.on("webhook end", "DELETE", self.crowd.webhooks, "")

    def use_webhook(self) -> None:
        rest, body = self.dice.choice(
            [("/rotate-secret", None), ("/test", None), ("/recover", {"since": "2026-01-01T00:00:00Z"})]
        )
        self.on("webhook use", "POST", self.crowd.webhooks, rest, json=body)
