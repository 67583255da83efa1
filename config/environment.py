"""What the environment says, read strictly: a value that is missing or wrong stops the start with one line."""

import base64
import hashlib
import re
from pathlib import Path
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

ONE_PIECE = 1024**3
"""Bytes; more than any file that is taken."""
YES, NO = {"true", "yes", "on", "1"}, {"false", "no", "off", "0"}


class Env(environ.Env):
    """django-environ, where an empty value is a missing one and a value is taken as it is written.

    (It would take a secret that begins with `$` for the name of another variable, and any word for false.)
    """

    def get_value(
        self, var: str, cast: Any = None, default: Any = environ.Env.NOTSET, parse_default: Any = False
    ) -> Any:
        """Raises ImproperlyConfigured. No message repeats a value that may be secret."""
        value = self.ENVIRON.get(var, "")
        if value == "":
            if default is self.NOTSET:
                raise ImproperlyConfigured(f"Set the {var} environment variable")
            return default
        if cast is bool:
            return _truth(var, value)
        if cast is int and not value.isdecimal():
            raise ImproperlyConfigured(f"{var} must be a whole number; it is {value!r}")
        return self.parse_value(value, cast)


env = Env()


def rate(name: str, default: str) -> str:
    """A rate, `COUNT/m` or `COUNT/h`."""
    value = env.str(name, default)
    if not re.fullmatch(r"[1-9]\d{0,8}/[mh]", value):
        raise ImproperlyConfigured(f"{name} must read COUNT/m or COUNT/h, for example {default}; it is {value!r}")
    return value


def database() -> dict[str, Any]:
    """DATABASE_URL as Django's settings of a database."""
    form = "postgresql://user:password@host:5432/name"
    if not re.match(r"postgres(ql)?://", env.str("DATABASE_URL")):
        raise ImproperlyConfigured(f"DATABASE_URL must read {form}")
    try:
        return env.db("DATABASE_URL")
    except ValueError as error:
        raise ImproperlyConfigured(f"DATABASE_URL must read {form}: its port is no number") from error


def redis_url() -> str:
    """REDIS_URL."""
    value = env.str("REDIS_URL")
    if not re.match(r"(rediss?|unix)://.", value):
        raise ImproperlyConfigured("REDIS_URL must read redis://host:6379/0, or rediss://… with TLS")
    return value


def webhook_secret_keys(secret_keys: list[str]) -> list[bytes]:
    """WEBHOOK_SECRET_KEYS as keys of Fernet: any text of 32 characters or more is one. By default, from SECRET_KEY."""
    texts = env.list("WEBHOOK_SECRET_KEYS", default=[])
    if any(len(text) < 32 for text in texts):
        raise ImproperlyConfigured("WEBHOOK_SECRET_KEYS must be random texts of at least 32 characters")
    digests = (hashlib.sha256(f"webhook secrets\n{text}".encode()).digest() for text in texts or secret_keys)
    return [base64.urlsafe_b64encode(digest) for digest in digests]


def metrics_tokens() -> list[str]:
    """METRICS_TOKEN: what Prometheus sends, any one of them; without any, nobody is shown `/metrics`."""
    tokens = env.list("METRICS_TOKEN", default=[])
    if not all(re.fullmatch(r"[!-~]{32,}", token) for token in tokens):
        raise ImproperlyConfigured("METRICS_TOKEN must be random texts of at least 32 visible ASCII characters")
    return tokens


def mail() -> dict[str, Any]:
    """MAIL_URL as Django's settings of mail: `smtp+tls://user:password@host:587`, `consolemail://`."""
    return env.email_url("MAIL_URL", default="smtp://localhost:25")


def file_storage(folder: str, local: Path) -> dict[str, Any]:
    """Where files of one kind are kept, as Django's STORAGES has it: a folder of this machine, readable by the service
    alone, or with S3_BUCKET that bucket of an S3-compatible store."""
    bucket = env.str("S3_BUCKET", "")
    if not bucket:
        modes = {"file_permissions_mode": 0o600, "directory_permissions_mode": 0o700}
        return {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": local / folder, **modes},
        }
    # Three tenths of a second, for those who have a bucket.
    from boto3.s3.transfer import TransferConfig
    from botocore.config import Config

    return {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {
            "bucket_name": bucket,
            "location": folder,
            "endpoint_url": env.str("S3_ENDPOINT_URL", "") or None,
            "region_name": env.str("S3_REGION", "") or None,
            # Without these two, boto3's own ways: a role of the machine, its files, its environment.
            "access_key": env.str("S3_ACCESS_KEY_ID", "") or None,
            "secret_key": env.str("S3_SECRET_ACCESS_KEY", "") or None,
            "file_overwrite": False,
            "max_memory_size": 262_144,  # larger ones are read through a temporary file; by default, memory
            "client_config": Config(
                signature_version="s3v4",
                # By default each upload ends with a checksum, in a form that many stores but Amazon's do not read.
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
                connect_timeout=5,
                read_timeout=20,
                retries={"total_max_attempts": 3},
            ),
            # A file in one piece: by default it goes and comes in pieces of 8 MB, several in memory at a time.
            "transfer_config": TransferConfig(multipart_threshold=ONE_PIECE, use_threads=False),
        },
    }


def _truth(name: str, value: str) -> bool:
    if value.lower() not in YES | NO:
        raise ImproperlyConfigured(f"{name} must be true or false; it is {value!r}")
    return value.lower() in YES
