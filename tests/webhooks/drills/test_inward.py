"""Addresses that lead inward, in production's settings: refused when saved, and again when dialled.

Names resolve as a file of the drill's own says, by way of the C library.
"""

import os
import time
from pathlib import Path

import pytest

from tests.running.conftest import wait_for
from tests.webhooks.scripted import Receiver
from webhooks.models import Subscription

from .conftest import Conclude, Neighbours, NewWorker
from .stage import Site, Stage

PUBLIC = "93.184.216.34"
MEANT = {
    "moved.example.com": ["127.0.0.1"],
    "mixed.example.com": [PUBLIC, "127.0.0.1"],
    "mapped.example.com": ["::ffff:127.0.0.1"],
    "nat64.example.com": ["64:ff9b::7f00:1"],
    "sixtofour.example.com": ["2002:7f00:1::1"],
    "metadata.example.com": ["169.254.169.254"],
}
"""What names lead to in the end."""
DISGUISED = {
    "2130706433": "invalid",
    "0x7f000001": "invalid",
    "0177.0.0.1": "invalid",
    "127.1": "invalid",
    "[::ffff:127.0.0.1]": "inward",
    "[64:ff9b::7f00:1]": "inward",
    "[2002:7f00:1::1]": "inward",
    "localhost": "inward",
}


class Names:
    """A file of hosts that processes read in place of the system's."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def lead_to(self, names: dict[str, list[str]]) -> None:
        self.file.write_text("".join(f"{one} {name}\n" for name, found in names.items() for one in found))
        os.utime(self.file, (time.time(), self.file.stat().st_mtime + 10))  # a change is told by the second

    @property
    def environment(self) -> dict[str, str]:
        return {"LD_PRELOAD": "libnss_wrapper.so", "NSS_WRAPPER_HOSTS": str(self.file)}


@pytest.fixture
def names(tmp_path: Path) -> Names:
    return Names(tmp_path / "hosts")


@pytest.fixture
def site(neighbours: Neighbours, names: Names) -> Site:
    """One with production's settings."""
    return neighbours.site(WEBHOOKS_ALLOW_PRIVATE_ADDRESSES="false", **names.environment)


def test_names_that_lead_inward_once_they_are_saved(
    neighbours: Neighbours, stage: Stage, new_worker: NewWorker, names: Names, receiver: Receiver, conclude: Conclude
) -> None:
    names.lead_to({name: [PUBLIC] for name in MEANT})
    hooks = {name: stage.webhook(receiver, scheme="https", host=name) for name in MEANT}
    stage.happen()
    names.lead_to(MEANT)
    new_worker(WEBHOOKS_ALLOW_PRIVATE_ADDRESSES="false", **names.environment)
    neighbours.ring()
    wait_for(lambda: all(hook.attempts for hook in hooks.values()))
    tried = [attempt for hook in hooks.values() for attempt in hook.attempts]
    assert {(one.error, one.address, one.status) for one in tried} == {("inward", None, None)}
    assert receiver.hits == []
    stage.give_up()
    assert conclude("16 rebinding between save and send").deliveries == {"cancelled": len(MEANT)}


def test_disguised_addresses_are_refused_when_saved_and_when_sent_to(
    neighbours: Neighbours, stage: Stage, new_worker: NewWorker, names: Names, receiver: Receiver, conclude: Conclude
) -> None:
    names.lead_to(MEANT)
    for host in (*MEANT, *DISGUISED):
        body = {"url": receiver.url("/inward", "https", host), "events": ["*"]}
        refused = stage.site.call("POST", "/v1/webhooks", token=stage.token, json=body)
        [detail] = refused.json()["error"]["details"]
        assert (refused.status_code, detail["field"]) == (422, "url")
        assert detail["code"] == DISGUISED.get(host, "inward")
    names.lead_to({"fine.example.com": [PUBLIC]})
    hooks = {host: stage.webhook(receiver, scheme="https", host="fine.example.com") for host in DISGUISED}
    for host, hook in hooks.items():  # as if it had been saved before the rules were
        Subscription.objects.filter(pk=hook.uuid).update(url=receiver.url(hook.place, "https", host))
    stage.happen()
    new_worker(WEBHOOKS_ALLOW_PRIVATE_ADDRESSES="false", **names.environment)
    neighbours.ring()
    wait_for(lambda: all(hook.attempts for hook in hooks.values()))
    assert {host: hook.attempts[0].error for host, hook in hooks.items()} == DISGUISED
    assert {attempt.address for hook in hooks.values() for attempt in hook.attempts} == {None}
    assert receiver.hits == []
    stage.give_up()
    assert conclude("17 disguised addresses").deliveries == {"cancelled": len(DISGUISED)}
