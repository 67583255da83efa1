"""How receivers know that a delivery is ours and unchanged: the Standard Webhooks signature.

Signed are the bytes `{webhook-id}.{webhook-timestamp}.{body}`; each live secret gives one `v1` signature, so that a
receiver verifies with the secret it has while secrets are rotated.
"""

import base64
import hmac
import secrets as randomness
from collections.abc import Sequence
from functools import lru_cache

PREFIX = "whsec_"
KEY_BYTES = 32


def new_secret() -> str:
    """A signing secret as its receiver is shown it."""
    return PREFIX + base64.b64encode(randomness.token_bytes(KEY_BYTES)).decode()


def headers(*, message_id: str, timestamp: int, body: bytes, secrets: Sequence[str]) -> dict[str, str]:
    """The three headers of a delivery. `timestamp` is that of the attempt; `message_id`, that of the event."""
    signed = b"%b.%d.%b" % (message_id.encode(), timestamp, body)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(_signature(secret, signed) for secret in secrets),
    }


def _signature(secret: str, signed: bytes) -> str:
    return "v1," + base64.b64encode(hmac.digest(_key(secret), signed, "sha256")).decode()


@lru_cache(maxsize=4096)
def _key(secret: str) -> bytes:
    return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
