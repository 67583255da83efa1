"""What commands of manage.py have in common."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from api.roles import ADMIN, WORKER
from api.statements import run

SEES_ALL = "SELECT current_user::text, pg_has_role(%s, 'USAGE') OR pg_has_role(%s, 'USAGE')"


class WithEveryRow(BaseCommand):
    """Acts on rows of all tenants. To gunicorn's login policies show none, and an act on none seems to be done."""

    def execute(self, *args: Any, **options: Any) -> str | None:
        [(login, sees_all)] = run(SEES_ALL, [ADMIN, WORKER])
        if not sees_all:
            raise CommandError(f"{login} is shown no tenant's rows; run this with the owner's DATABASE_URL.")
        return super().execute(*args, **options)
