"""Callers of a real server, as `tests.conftest.Api` is one of the application."""

import json as jsonlib
from dataclasses import dataclass
from typing import Any

import requests
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

from tests.conftest import Api


@dataclass(frozen=True)
class RemoteApi(Api):
    url: str
    patience: float = 30
    """Seconds, after which it hangs up."""
    share: float = 1
    """Of the body, after which it sends no more."""

    def call(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        json: Any = None,
        form: dict[str, Any] | None = None,
        **headers: str,
    ) -> Any:
        body, content_type = b"" if json is None else jsonlib.dumps(json).encode(), "application/json"
        if form is not None:
            body, content_type = encode_multipart(BOUNDARY, form), MULTIPART_CONTENT
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        named |= {"Content-Type": content_type, "Content-Length": str(len(body))}
        if token is not None:
            named["Authorization"] = f"Bearer {token}"
        sent = requests.Request(method, f"{self.url}{path}", headers=named, data=body).prepare()
        sent.body = body[: int(len(body) * self.share)]
        with requests.Session() as session:
            return session.send(sent, timeout=self.patience)
