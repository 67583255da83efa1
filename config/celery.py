"""The Celery application: `celery -A config worker`, `celery -A config beat`."""

import sys
from pathlib import Path
from typing import Any

import structlog
from celery import Celery, signals
from celery.beat import PersistentScheduler
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError, connection
from django_structlog.celery.steps import DjangoStructLogInitStep
from kombu.transport import redis

from config import startup

logger = structlog.get_logger(__name__)
startup.prepare()
app = Celery("config")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.steps["worker"].add(DjangoStructLogInitStep)


class Scheduler(PersistentScheduler):
    """beat's. It may be the first that comes to DATA_DIR, where it keeps when it did what."""

    def setup_schedule(self) -> None:
        file = Path(self.schedule_filename)
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            self._open()
        except OSError as error:
            raise ImproperlyConfigured(f"DATA_DIR cannot be written to: {file} ({error.strerror})") from error

    def _open(self) -> None:
        """The file, or a new one where that was cut short, as by a full disk. Nobody misses what stood there, and beat
        would end at each start."""
        try:
            super().setup_schedule()
        except OSError:
            raise
        except Exception as damage:  # noqa: BLE001 - whatever comes of reading pickles that are none
            self._destroy_open_corrupted_schedule(damage).close()
            super().setup_schedule()

    def sync(self) -> None:
        """What cannot be written now is the next time. The clock goes on."""
        try:
            super().sync()
        except OSError as error:
            logger.error("schedule_not_kept", error=type(error).__name__)


class QoS(redis.QoS):
    """When a connection to the broker is gone, kombu (5.7) would put back through it what was under way there, fail,
    and its worker would end. Here nothing is put back: the broker gives it out again when its visibility time-out is
    over, and sweeps find it before."""

    def restore_unacked(self, client: Any = None) -> None:
        if self.channel.connection.client:
            super().restore_unacked(client)
        else:
            self._delivered.clear()


redis.Channel.QoS = QoS


@signals.worker_init.connect
def refuse_another_login(**_: Any) -> None:
    """Shown no rows, a worker would do nothing without a word. Where the database is away, it is waited for."""
    from api.tenancy import require_every_row  # Django is set up by now

    try:
        require_every_row()
    except ImproperlyConfigured as refusal:
        sys.exit(f"Cannot start: {refusal}")
    except OperationalError:
        pass
    finally:
        connection.close()  # which processes that are forked would share


@signals.setup_logging.connect
def keep_logging(**_: Any) -> None:
    """Workers and beat log as the settings say; by default Celery would change that to lines of its own form."""
