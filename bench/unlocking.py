from django.apps import AppConfig
from django.db.backends.signals import connection_created


class Unlocked(AppConfig):
    """See bench.unlocked."""

    name = "bench"

    def ready(self) -> None:
        assert connection_created.disconnect(dispatch_uid="api.tenancy")
