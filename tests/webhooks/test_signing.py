"""Signatures: what the verifiers that receivers use, unchanged, make of them."""

import base64
import json
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import standardwebhooks
import svix.webhooks
from hypothesis import given
from hypothesis import strategies as st

from webhooks.signing import headers, new_secret

VERIFIERS = Path(__file__).parent / "verifiers"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@dataclass(frozen=True)
class Delivery:
    """What a receiver gets."""

    body: bytes
    headers: dict[str, str]

    def with_header(self, name: str, value: str) -> "Delivery":
        return replace(self, headers={**self.headers, name: value})


def delivery(body: bytes, *secrets: str, age: int = 0) -> Delivery:
    signed = headers(message_id="msg_1", timestamp=int(time.time()) - age, body=body, secrets=secrets)
    return Delivery(body, signed)


def by_standardwebhooks(secret: str, received: Delivery) -> bool:
    try:
        standardwebhooks.Webhook(secret).verify(received.body, received.headers, json_parse=False)
    except standardwebhooks.WebhookVerificationError:
        return False
    return True


def by_svix(secret: str, received: Delivery) -> bool:
    try:
        svix.webhooks.Webhook(secret).verify(received.body, received.headers)
    except svix.webhooks.WebhookVerificationError:
        return False
    return True


Accepts = Callable[[str, Delivery], bool]


@pytest.fixture(params=[by_standardwebhooks, by_svix])
def accepts(request: pytest.FixtureRequest) -> Accepts:
    return request.param


BODIES = [
    b"{}",
    b'{"test": 2432232314}',
    '{"name":"Zoë Ångström 山田 🌊"}'.encode(),
    b'{"escaped":"\\u00e9 \\"quoted\\""}',
    b'{ "spaced" : [1,\n2] }',
    json.dumps({"filler": "x" * 250_000}).encode(),
]


def tampered(genuine: Delivery) -> dict[str, Delivery]:
    """What is not what was sent."""
    signature = genuine.headers["webhook-signature"]
    sent_at = int(genuine.headers["webhook-timestamp"])
    return {
        "body": replace(genuine, body=genuine.body + b" "),
        "id": genuine.with_header("webhook-id", "msg_2"),
        "timestamp": genuine.with_header("webhook-timestamp", str(sent_at + 1)),
        "signature": genuine.with_header("webhook-signature", "v1," + base64.b64encode(bytes(32)).decode()),
        "version": genuine.with_header("webhook-signature", signature.replace("v1,", "v2,")),
        "no signature": genuine.with_header("webhook-signature", ""),
        "late": delivery(genuine.body, SECRET, age=400),
        "early": delivery(genuine.body, SECRET, age=-400),
    }


def test_the_specifications_example() -> None:
    signed = headers(
        message_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        timestamp=1614265330,
        body=b'{"test": 2432232314}',
        secrets=[SECRET],
    )
    assert signed == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_a_new_secret_is_32_random_bytes() -> None:
    made = {new_secret() for _ in range(100)}
    assert len(made) == 100
    assert all(secret.startswith("whsec_") for secret in made)
    assert {len(base64.b64decode(secret.removeprefix("whsec_"), validate=True)) for secret in made} == {32}


@pytest.mark.parametrize("body", BODIES, ids=lambda body: repr(body[:20]))
def test_verifiers_accept_every_body(accepts: Accepts, body: bytes) -> None:
    secret = new_secret()
    assert accepts(secret, delivery(body, secret))


@given(value=JSON_VALUES)
def test_verifiers_accept_any_json(value: object) -> None:
    secret = new_secret()
    for body in (json.dumps(value).encode(), json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")):
        received = delivery(body, secret)
        assert by_standardwebhooks(secret, received)
        assert by_svix(secret, received)


def test_while_a_secret_is_rotated_both_verify(accepts: Accepts) -> None:
    current, previous, stranger = new_secret(), new_secret(), new_secret()
    received = delivery(b"{}", current, previous)
    assert accepts(current, received)
    assert accepts(previous, received)
    assert not accepts(stranger, received)


def test_signatures_are_separated_by_one_space() -> None:
    secrets = [new_secret() for _ in range(3)]
    signatures = delivery(b"{}", *secrets).headers["webhook-signature"].split(" ")
    assert [signature[:3] for signature in signatures] == ["v1,"] * 3
    assert len(set(signatures)) == 3


@pytest.mark.parametrize("changed", tampered(delivery(b"{}", SECRET)))
def test_verifiers_refuse_what_was_changed(accepts: Accepts, changed: str) -> None:
    genuine = delivery(b'{"type":"test"}', SECRET)
    assert accepts(SECRET, genuine)
    assert not accepts(SECRET, tampered(genuine)[changed])


@pytest.mark.node
def test_the_verifiers_in_javascript_agree() -> None:
    current, previous = new_secret(), new_secret()
    genuine = [(secret, delivery(body, current, previous)) for body in BODIES for secret in (current, previous)]
    changed = [(SECRET, received) for received in tampered(delivery(b'{"type":"test"}', SECRET)).values()]
    cases = [
        {"secret": secret, "headers": received.headers, "body": received.body.decode()}
        for secret, received in [*genuine, *changed, (new_secret(), genuine[0][1])]
    ]
    done = subprocess.run(
        ["node", "verify.mjs"],
        cwd=VERIFIERS,
        input=json.dumps(cases),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    expected = [True] * len(genuine) + [False] * (len(changed) + 1)
    assert json.loads(done.stdout) == [{"standardwebhooks": verdict, "svix": verdict} for verdict in expected]
