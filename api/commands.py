"""What commands of manage.py have in common."""

from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError

from api.tenancy import require_every_row


class WithEveryRow(BaseCommand):
    """Acts on rows of all tenants. To gunicorn's login policies show none, and an act on none seems to be done."""

    def execute(self, *args: Any, **options: Any) -> str | None:
        try:
            require_every_row()
        except ImproperlyConfigured as refusal:
            raise CommandError(refusal) from None
        return super().execute(*args, **options)
