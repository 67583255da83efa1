"""Receivers that cannot prove who they are get nothing, not even the head of a request."""

import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import trustme

from tests.running.conftest import wait_for
from tests.webhooks.scripted import Receiver, receiving

from .conftest import Conclude, Neighbours, NewWorker
from .stage import Stage

Certificate = Callable[[trustme.CA], trustme.LeafCert]
CERTIFICATES: dict[str, Certificate] = {
    "good": lambda authority: authority.issue_cert("localhost"),
    "expired": lambda authority: authority.issue_cert(
        "localhost", not_before=datetime(2020, 1, 1, tzinfo=UTC), not_after=datetime(2021, 1, 1, tzinfo=UTC)
    ),
    "wrong host": lambda authority: authority.issue_cert("elsewhere.example.com"),
    "self-signed": lambda _: trustme.CA().issue_cert("localhost"),
}


@contextmanager
def certified(authority: trustme.CA) -> Iterator[dict[str, Receiver]]:
    with ExitStack() as stack:
        receivers = {}
        for name, certificate in CERTIFICATES.items():
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            certificate(authority).configure_cert(context)
            receivers[name] = stack.enter_context(receiving(tls=context))
        yield receivers


def test_certificates_that_prove_nothing(
    neighbours: Neighbours, stage: Stage, new_worker: NewWorker, conclude: Conclude, tmp_path: Path
) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    new_worker(SSL_CERT_FILE=str(tmp_path / "authority.pem"))
    with certified(authority) as receivers:
        hooks = {
            name: stage.webhook(receiver, scheme="https", host="localhost") for name, receiver in receivers.items()
        }
        stage.happen()
        neighbours.ring()
        wait_for(lambda: all(hook.attempts for hook in hooks.values()))
        assert {name: hook.attempts[0].error for name, hook in hooks.items()} == {
            "good": "", "expired": "tls", "wrong host": "tls", "self-signed": "tls",
        }  # fmt: skip
        assert [name for name, hook in hooks.items() if hook.hits] == ["good"]
        stage.give_up()
        assert conclude("18 certificates").deliveries == {"delivered": 1, "cancelled": 3}
