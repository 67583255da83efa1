"""`manage.py listen_webhooks` prints what a real local receiver gets, and says whether to believe it."""

import time
from pathlib import Path

import pytest
import requests

from tests.conftest import AgencySeat, Api
from webhooks import signing

from .conftest import CLOSED_STORE, Start, finish, migrated_database_url, wait_for

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = '{"type": "webhook.test", "data": {"name": "José"}}'.encode()


def signed(secret: str, *, age: int = 0) -> dict[str, str]:
    timestamp = int(time.time()) - age
    return signing.headers(message_id="msg_1", timestamp=timestamp, body=BODY, secrets=[secret])


class Listener:
    def __init__(self, port: str, output: Path) -> None:
        self.url, self.output = f"http://127.0.0.1:{port}/", output
        wait_for(lambda: "Listening" in output.read_text())

    def get(self, headers: dict[str, str], body: bytes = BODY) -> str:
        """What is printed of this delivery."""
        before = len(self.output.read_text())
        assert requests.post(self.url, data=body, headers=headers, timeout=60).status_code == 204
        return str(wait_for(lambda: self.output.read_text()[before:]))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("source", ["given", "kept"])
def test_it_verifies_and_prints(
    api: Api, agency: AgencySeat, start: Start, port: str, tmp_path: Path, settings: object, source: str
) -> None:
    settings.WEBHOOKS_ALLOW_PRIVATE_ADDRESSES = True  # type: ignore[attr-defined]
    webhook = {"url": f"http://127.0.0.1:{port}/", "events": ["*"]}
    made = api.post("/v1/webhooks", token=agency.owner.token, json=webhook).json()["data"]
    secret = SECRET if source == "given" else made["secret"]
    arguments = ["--secret", SECRET] if source == "given" else []
    output = tmp_path / "output"
    start(
        "manage.py", "listen_webhooks", "--port", port, *arguments,
        output=output,
        PYTHONUNBUFFERED="1",
        SECRET_KEY="only-for-tests-" + "0123456789abcdef" * 4,
        DATABASE_URL=migrated_database_url("postgres"),
        REDIS_URL=CLOSED_STORE,
    )  # fmt: skip
    listener = Listener(port, output)
    assert "verified" in (good := listener.get(signed(secret)))
    assert '"name": "José"' in good
    assert "none of the secrets'" in listener.get(signed(signing.new_secret()))
    assert "none of the secrets'" in listener.get(signed(secret), BODY + b" ")
    assert "none of the secrets'" in listener.get({**signed(secret), "webhook-signature": "v1,\xe9"})
    assert "five minutes" in listener.get(signed(secret, age=400))
    assert "five minutes" in listener.get({})


def test_a_port_that_is_taken_is_told_in_one_line(start: Start, port: str) -> None:
    ended = finish(
        "manage.py", "listen_webhooks", "--port", "70000", SECRET_KEY="s" * 60, DATABASE_URL="postgresql://x@127.0.0.1:1/x",
        REDIS_URL=CLOSED_STORE,
    )  # fmt: skip
    assert ended.returncode == 1
    assert "cannot be listened on" in ended.stderr
    assert "Traceback" not in ended.stderr
