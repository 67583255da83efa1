"""Structured logs: one JSON line an event, with the request id, and nothing that names a person."""

import logging
import re
import sys
from collections.abc import Iterator
from typing import Any

import django.db
import orjson
import psycopg
import structlog

# PostgreSQL tells the values at fault: "DETAIL:  Key (lower(email))=(ann@example.com) already exists."
DATABASE_DETAIL = re.compile(r"DETAIL: .*", re.DOTALL)
# And: "word is too long in tsquery: "…". What it says of names in the schema is worth keeping.
DATABASE_VALUES = re.compile(r'(: "|\n(DETAIL|HINT|CONTEXT|LINE)\b).*', re.DOTALL)
ROUTINE = {"task_enqueued", "task_started", "task_succeeded"}
# gunicorn tells what it could not read, a header for example, and addresses.
UNREADABLE_REQUEST = re.compile(r"(Invalid request|Error handling request) .*", re.DOTALL)


def format_exception(logger: Any, name: str, event: dict[str, Any]) -> dict[str, Any]:
    """The exception as text. Errors of the database are told without values, which may be personal data; nor are these
    left in the event's other fields, in which Celery tells the error of a task that failed once more."""
    if isinstance(event.get("exception"), BaseException):
        event["exc_info"] = event.pop("exception")
    given = event.get("exc_info")
    raised = sys.exception() if given is True else given[1] if isinstance(given, tuple) else given
    said = [str(error) for error in _chain(raised) if isinstance(error, psycopg.Error | django.db.Error)]
    event = dict(structlog.processors.format_exc_info(logger, name, event))
    for key, text in event.items():
        if isinstance(text, str):
            event[key] = _without_values(text, said)
    return event


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The exception, and those that it came of."""
    while error:
        yield error
        error = error.__cause__ or error.__context__


def _without_values(text: str, said: list[str]) -> str:
    for words in said:
        kept = DATABASE_VALUES.sub("", words)
        text = text.replace(words, kept).replace(repr(words)[1:-1], repr(kept)[1:-1])
    return text


def without_what_was_sent(logger: Any, name: str, event: dict[str, Any]) -> dict[str, Any]:
    """What libraries say in words of their own, of an error of the database, or of a request that could not be read."""
    for key in ("event", "error"):  # the second is Celery's, of a task that failed
        if isinstance(told := event.get(key), str):
            event[key] = DATABASE_DETAIL.sub("DETAIL: (left out)", told)
    event["event"] = UNREADABLE_REQUEST.sub(r"\1", event["event"])
    return event


def without_routine(logger: Any, name: str, event: dict[str, Any]) -> dict[str, Any]:
    """Tasks that no request rang for come by the clock, one every five seconds: what goes wrong is worth a line."""
    if event["event"] in ROUTINE and "request_id" not in event:
        raise structlog.DropEvent
    return event


PROCESSORS = [
    structlog.contextvars.merge_contextvars,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    format_exception,
    without_what_was_sent,
]
"""What every event goes through, ours and those of libraries alike."""


def structlog_config(level: str) -> dict[str, Any]:
    """Our own events go straight to standard error: the way through `logging` costs three times as much."""
    chosen = PROCESSORS if level == "DEBUG" else [*PROCESSORS, without_routine]
    return {
        "processors": [*chosen, structlog.processors.JSONRenderer(serializer=orjson.dumps)],
        "wrapper_class": structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        "logger_factory": structlog.BytesLoggerFactory(sys.stderr.buffer),
        "cache_logger_on_first_use": True,
    }


def logging_config(level: str) -> dict[str, Any]:
    """What libraries log, in the same form."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "json": {
                "()": structlog.stdlib.ProcessorFormatter,
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    structlog.processors.JSONRenderer(),
                ],
                "foreign_pre_chain": [structlog.stdlib.add_logger_name, *PROCESSORS],
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            # Refusals are the request line's to tell; these would say them again.
            "django.request": {"level": "CRITICAL"},
            "django.server": {"level": "CRITICAL"},
            "django.security.csrf": {"level": "CRITICAL"},  # with the path, which may open a door: see api.errors
            "oauth2_provider": {"level": "WARNING"},
            "gunicorn.error": {"level": "WARNING", "handlers": ["stderr"], "propagate": False},
            # That tasks come, begin and end is told once, with their requests' ids, by django-structlog.
            "celery.beat": {"level": "WARNING"},
            "celery.worker.strategy": {"level": "WARNING"},
            "celery.app.trace": {"level": "WARNING"},
        },
    }
