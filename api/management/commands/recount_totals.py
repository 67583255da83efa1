"""`manage.py recount_totals`"""

from typing import Any

from django.core.management.base import BaseCommand

from api.totals import recount_all


class Command(BaseCommand):
    help = "Counts what lists hold, and brings the totals that are kept of them in line. While the service is in use."

    def handle(self, *args: Any, **options: Any) -> None:
        drifts = recount_all()
        for drift in drifts:
            self.stdout.write(f"{drift.listed} of {drift.owner}, {drift.part or 'all'}: {drift.missing:+d}")
        self.stdout.write(f"{len(drifts)} totals were not what there is, and are now.")
