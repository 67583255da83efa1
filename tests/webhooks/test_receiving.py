"""The documentation's way to verify a webhook works, word by word: each of its samples is run."""

import json
import os
import re
import subprocess
import time
from pathlib import Path

import pytest

from webhooks import signing

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = dict(
    re.findall(r"```(python|javascript)\n(.*?)```", (ROOT / "templates/docs/webhooks.md").read_text(), re.DOTALL)
)
[BY_HAND] = re.findall(r"```sh\n(# SECRET.*?)```", (ROOT / "templates/docs/webhooks.md").read_text(), re.DOTALL)
SECRET = signing.new_secret()
BODY = '{"type":"webhook.test","data":{"name":"José"}}'.encode()


def signed(timestamp: int) -> dict[str, str]:
    return signing.headers(message_id="msg_1", timestamp=timestamp, body=BODY, secrets=[SECRET])


def test_the_sample_in_python_verifies() -> None:
    names: dict[str, object] = {}
    exec(SAMPLES["python"], names)  # noqa: S102 - the documentation's own code
    receive = names["receive"]
    assert receive(SECRET, signed(int(time.time())), BODY) == json.loads(BODY)  # type: ignore[operator]
    assert receive(SECRET, signed(int(time.time())), BODY + b" ") is None  # type: ignore[operator]


@pytest.mark.node
def test_the_sample_in_javascript_verifies(tmp_path: Path) -> None:
    (tmp_path / "node_modules").symlink_to(Path(__file__).parent / "verifiers" / "node_modules")
    cases = json.dumps([SECRET, signed(int(time.time())), BODY.decode()])
    asked = "\nconst [secret, headers, body] = " + cases + ";\n"
    told = "console.log(JSON.stringify([receive(secret, headers, body), receive(secret, headers, body + ' ')]));\n"
    (tmp_path / "sample.mjs").write_text(SAMPLES["javascript"] + asked + told)
    ended = subprocess.run(["node", "sample.mjs"], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60)
    assert json.loads(ended.stdout) == [json.loads(BODY), None]


def test_the_sample_by_hand_gives_the_signature(tmp_path: Path) -> None:
    (tmp_path / "body.json").write_bytes(BODY)
    facts = {"SECRET": SECRET, "ID": "msg_1", "TIMESTAMP": "1614265330"}
    ended = subprocess.run(
        ["bash", "-c", BY_HAND], cwd=tmp_path, env={**os.environ, **facts}, capture_output=True, text=True, check=True,
        timeout=60,
    )  # fmt: skip
    assert f"v1,{ended.stdout.strip()}" == signed(1614265330)["webhook-signature"]
