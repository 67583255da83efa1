"""What people do while deliveries are under way: rotate secrets, delete, edit and disable, send again, look on."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.running.conftest import wait_for
from tests.webhooks.scripted import Gate, Receiver, answer

from .conftest import Conclude, Neighbours, Process, new_stage
from .stage import Site, Stage, verifies


def test_secrets_rotated_under_load(
    neighbours: Neighbours, stage: Stage, worker: Process, receiver: Receiver, conclude: Conclude
) -> None:
    """Who still has the old secret, and who has the new one already, both verify all that comes."""
    hook = stage.webhook(receiver)
    known = [(time.time(), hook.secrets[0])]
    with ThreadPoolExecutor() as pool:
        load = pool.submit(stage.happen, 60)
        for come in (10, 30):
            wait_for(lambda come=come: neighbours.ring() or len(hook.hits) >= come)
            known.append((0, stage.site.data("POST", f"{hook.path}/rotate-secret", token=stage.token)["secret"]))
            known[-1] = (time.time(), known[-1][1])
            hook.secrets.append(known[-1][1])
        load.result(60)
    stage.drain(neighbours.ring)
    for since, secret in known:
        assert all(verifies(hit, secret) for hit in hook.hits if hit.at > since + 1)
    assert all(verifies(hit, known[0][1]) for hit in hook.hits)
    first, last = hook.hits[0], hook.hits[-1]
    assert [verifies(hit, secret) for hit in (first, last) for _, secret in known] == [True, False, False] + [True] * 3
    assert conclude("20 rotation under load").deliveries == {"delivered": 60}


@pytest.mark.parametrize("status", [200, 500])
def test_deleted_edited_or_disabled_while_leased(
    neighbours: Neighbours, stage: Stage, worker: Process, receiver: Receiver, conclude: Conclude, status: int
) -> None:
    gate = Gate(answer(status))
    deleted, edited, disabled = (stage.webhook(receiver, gate) for _ in range(3))
    stage.happen()
    neighbours.ring()
    wait_for(lambda: gate.waiting == 3)
    stage.site.data("DELETE", deleted.path, token=stage.token)
    moved = {"url": receiver.url(f"{edited.place}-moved")}
    stage.site.data("PATCH", edited.path, token=stage.token, json=moved)
    stage.site.data("PATCH", disabled.path, token=stage.token, json={"status": "disabled"})
    gate.open()
    wait_for(lambda: all(hook.attempts for hook in (deleted, edited, disabled)))
    came = [hook.delivery.state for hook in (deleted, edited, disabled)]
    if status == 200:
        assert came == ["delivered"] * 3
    else:
        assert came == ["cancelled", "pending", "held"]
        edited.place += "-moved"
        stage.waiting_is_over()
        stage.drain(neighbours.ring)
        assert len(edited.hits) == 1
    conclude(f"23 changed while leased, answered {status}")


def test_retries_by_hand_beside_the_automatic_one(
    neighbours: Neighbours, stage: Stage, worker: Process, receiver: Receiver, conclude: Conclude
) -> None:
    """However many ask, and whatever the worker does meanwhile, there is one attempt more."""
    hook = stage.webhook(receiver, answer(500))
    stage.happen()
    neighbours.ring()
    wait_for(lambda: hook.attempts)
    gate = receiver.plans[hook.place] = Gate()
    retry = f"{hook.path}/deliveries/{hook.delivery.pk}/retry"
    with ThreadPoolExecutor(8) as pool:
        stage.waiting_is_over()
        asked = [pool.submit(stage.site.data, "POST", retry, token=stage.token) for _ in range(8)]
        neighbours.ring()
        assert {one.result(60)["uuid"] for one in asked} == {str(hook.delivery.pk)}
    wait_for(lambda: gate.waiting)
    assert stage.site.data("POST", retry, token=stage.token)["status"] == "leased"
    gate.open()
    stage.drain()
    assert (len(hook.hits), hook.delivery.attempts) == (2, 2)
    gate = receiver.plans[hook.place] = Gate()  # so that it is not there before the last has asked
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(stage.site.data, "POST", retry, token=stage.token) for _ in range(4)]
        [again] = {one.result(60)["uuid"] for one in asked}
    gate.open()
    wait_for(lambda: len(hook.hits) == 3)
    stage.drain()
    assert [str(one.pk) for one in hook.deliveries if one.replay == 1] == [again]
    assert len({hit.id for hit in hook.hits}) == 1
    assert conclude("24 retries by hand").deliveries == {"delivered": 2}


def test_logs_and_replay_across_agencies(
    neighbours: Neighbours, site: Site, stage: Stage, worker: Process, receiver: Receiver, conclude: Conclude
) -> None:
    hook = stage.webhook(receiver)
    stage.happen(2)
    stage.drain(neighbours.ring)
    stranger = new_stage(site, "Foreign Insurance")
    own = stranger.webhook(receiver)
    log = f"{hook.path}/deliveries"
    delivery = f"{log}/{hook.deliveries[0].pk}"
    borrowed = f"{own.path}/deliveries/{hook.deliveries[0].pk}"  # through a webhook of its own
    asked = [
        ("GET", hook.path), ("PATCH", hook.path), ("DELETE", hook.path), ("GET", log), ("GET", delivery),
        ("POST", f"{delivery}/retry"), ("POST", f"{hook.path}/recover"), ("POST", f"{hook.path}/test"),
        ("POST", f"{hook.path}/rotate-secret"), ("GET", borrowed), ("POST", f"{borrowed}/retry"),
    ]  # fmt: skip
    bodies = {"PATCH": {"status": "disabled"}, "POST": {"since": "2020-01-01T00:00:00Z"}}
    answers = [site.call(method, path, token=stranger.token, json=bodies.get(method)) for method, path in asked]
    assert {answer.status_code for answer in answers} == {404}
    assert {one["uuid"] for one in site.data("GET", "/v1/webhooks", token=stranger.token)} == {own.uuid}
    assert site.data("GET", f"{own.path}/deliveries", token=stranger.token) == []
    assert len(site.data("GET", log, token=stage.token)) == 2
    assert (hook.row.status, len(hook.hits), own.hits) == ("enabled", 2, [])
    assert conclude("25 across agencies").deliveries == {"delivered": 2}
