"""What the environment says, read strictly: a value that is missing or wrong stops the start with one line."""

import re
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

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


def _truth(name: str, value: str) -> bool:
    if value.lower() not in YES | NO:
        raise ImproperlyConfigured(f"{name} must be true or false; it is {value!r}")
    return value.lower() in YES
