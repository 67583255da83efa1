"""Sessions of the admin, each kept under the digest of its key: what stands in the table opens nothing.

Django's store keeps the key as the browser sends it, so whoever reads the table goes on in anybody's session. A key
holds 165 random bits (32 characters out of 36), so its digest needs no salt, as with the API's credentials.
"""

import base64
from typing import Any

from django.contrib.sessions.backends import db
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.base_session import AbstractBaseSession
from django.utils import timezone

from api import credentials


def stored(key: str) -> str:
    """What stands in the key's place: its whole SHA-256, in base 85, which takes the column's 40 characters."""
    return base64.b85encode(credentials.digest(key)).decode()


class SessionStore(db.SessionStore):
    """Django's, but that what goes to the database, or is looked for there, is `stored`."""

    def load(self) -> dict[str, Any]:
        row = self.model.objects.filter(pk=stored(self.session_key or ""), expire_date__gt=timezone.now()).first()
        if row is None:
            self._session_key = None  # what is saved from here on is a new session, with a key of ours
            return {}
        return self.decode(row.session_data)

    def exists(self, session_key: str) -> bool:
        return super().exists(stored(session_key))

    def create_model_instance(self, data: dict[str, Any]) -> AbstractBaseSession:
        row = super().create_model_instance(data)
        row.session_key = stored(row.session_key)
        return row

    def delete(self, session_key: str | None = None) -> None:
        if key := session_key or self.session_key:
            super().delete(stored(key))

    # Those of Django's store would go to the database by themselves, with the plain key; these call the methods above.
    aload, aexists, asave, adelete = SessionBase.aload, SessionBase.aexists, SessionBase.asave, SessionBase.adelete
