"""What the environment says, read strictly: a value that is missing or wrong stops the start with one line."""

import base64
import hashlib
import re
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

import environ
import psycopg
from django.core.exceptions import ImproperlyConfigured
from psycopg.conninfo import make_conninfo

ONE_PIECE = 1024**3
"""Bytes; more than any file that is taken."""
SHORTEST_KEY = 50
"""Characters, as Django makes them."""
YES, NO = {"true", "yes", "on", "1"}, {"false", "no", "off", "0"}
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


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


def secret_key() -> str:
    """SECRET_KEY."""
    value = env.str("SECRET_KEY")
    if 0 < len(value) < SHORTEST_KEY:
        raise ImproperlyConfigured(f"SECRET_KEY must be at least {SHORTEST_KEY} random characters")
    return value


def hosts() -> list[str]:
    """ALLOWED_HOSTS. Names alone: with anything else, every request would be refused."""
    names = env.list("ALLOWED_HOSTS", default=[])
    if any(re.search(r"[/\s]", name) for name in names):
        raise ImproperlyConfigured(f"ALLOWED_HOSTS must be names such as api.example.com; it is {','.join(names)!r}")
    return names


def origins() -> list[str]:
    """CSRF_TRUSTED_ORIGINS."""
    urls = env.list("CSRF_TRUSTED_ORIGINS", default=[])
    if not all(re.fullmatch(r"https?://[^/\s]+", url) for url in urls):
        raise ImproperlyConfigured(
            f"CSRF_TRUSTED_ORIGINS must read https://host, without a path; it is {','.join(urls)!r}"
        )
    return urls


def database() -> dict[str, Any]:
    """DATABASE_URL as Django's settings of a database."""
    form = "postgresql://user:password@host:5432/name"
    parts = _address("DATABASE_URL", env.str("DATABASE_URL"), form)
    if parts.scheme not in {"postgres", "postgresql"} or not parts.path.strip("/"):
        raise ImproperlyConfigured(f"DATABASE_URL must read {form}")
    settings = env.db("DATABASE_URL")
    try:
        make_conninfo(**settings.get("OPTIONS", {}))
    except psycopg.ProgrammingError as error:
        raise ImproperlyConfigured("DATABASE_URL has an option behind its ? that PostgreSQL does not know") from error
    return settings


def redis_url() -> str:
    """REDIS_URL."""
    value, form = env.str("REDIS_URL"), "redis://host:6379/0, or rediss://… with TLS"
    parts = _address("REDIS_URL", value, form)
    on_network = parts.scheme in {"redis", "rediss"} and parts.netloc and re.fullmatch(r"/?\d*", parts.path)
    if not on_network and not (parts.scheme == "unix" and parts.path):
        raise ImproperlyConfigured(f"REDIS_URL must read {form}")
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
    value, form = env.str("MAIL_URL", "smtp://localhost:25"), "smtp+tls://user:password@host:587"
    if _address("MAIL_URL", value, form).scheme not in Env.EMAIL_SCHEMES:
        raise ImproperlyConfigured(f"MAIL_URL must read {form}")
    return env.email_url("MAIL_URL", default=value)


def log_level() -> str:
    """LOG_LEVEL."""
    level = env.str("LOG_LEVEL", "INFO").upper()
    if level not in LOG_LEVELS:
        raise ImproperlyConfigured(f"LOG_LEVEL must be one of {', '.join(LOG_LEVELS)}; it is {level!r}")
    return level


def file_storage(folder: str, local: Path) -> dict[str, Any]:
    """Where files of one kind are kept, as Django's STORAGES has it: a folder of this machine, readable by the service
    alone, or with S3_BUCKET that bucket of an S3-compatible store."""
    bucket = env.str("S3_BUCKET", "")
    return _in_bucket(bucket, folder) if bucket else _on_disk(local / folder)


def _on_disk(folder: Path) -> dict[str, Any]:
    options = {"location": folder, "file_permissions_mode": 0o600, "directory_permissions_mode": 0o700}
    return {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": options}


def _in_bucket(bucket: str, folder: str) -> dict[str, Any]:
    endpoint = env.str("S3_ENDPOINT_URL", "")
    if endpoint and not re.match(r"https?://[^/]", endpoint):
        raise ImproperlyConfigured("S3_ENDPOINT_URL must read https://host")
    # Three tenths of a second, for those who have a bucket.
    from boto3.s3.transfer import TransferConfig
    from botocore.config import Config

    return {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {
            "bucket_name": bucket,
            "location": folder,
            "endpoint_url": endpoint or None,
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


def _address(name: str, value: str, form: str) -> SplitResult:
    """A URL in its parts. What urllib says of one that it cannot read may be of the password."""
    try:
        parts = urlsplit(value)
        parts.port  # noqa: B018 - judged when it is asked for
    except ValueError as error:
        raise ImproperlyConfigured(
            f"{name} must read {form}: its port is no number, or a password in it has a / that is not written %2F"
        ) from error
    return parts


def _truth(name: str, value: str) -> bool:
    if value.lower() not in YES | NO:
        raise ImproperlyConfigured(f"{name} must be true or false; it is {value!r}")
    return value.lower() in YES
