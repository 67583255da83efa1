"""Files that are sent in a form."""

import hashlib
from typing import Any

from django.core.files.base import File
from rest_framework import serializers


def sha256_of(upload: File) -> str:
    """In hexadecimal digits. The file is read in pieces, and is at its beginning again afterwards."""
    digest = hashlib.sha256()
    for chunk in upload.chunks():
        digest.update(chunk)
    upload.seek(0)
    return digest.hexdigest()


class OneFileField(serializers.FileField):
    """One uploaded file. Several under its name are refused: all but the last would be lost without a word."""

    default_error_messages = {"several": "One file; send each of them in a request of its own."}

    def get_value(self, dictionary: Any) -> Any:
        sent = dictionary.getlist(self.field_name) if hasattr(dictionary, "getlist") else []
        return sent if len(sent) > 1 else super().get_value(dictionary)

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, list) and len(data) > 1:
            self.fail("several")
        return super().to_internal_value(data)
