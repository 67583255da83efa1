"""`manage.py recount`"""

from typing import Any

from agents import links
from api.commands import WithEveryRow
from api.totals import recount_all


class Command(WithEveryRow):
    help = "Counts what lists hold, and mends the totals and links that are kept of it. While the service is in use."

    def handle(self, *args: Any, **options: Any) -> None:
        mended, drifts = links.mend(), recount_all()
        for drift in drifts:
            self.stdout.write(f"{drift.listed} of {drift.owner}, {drift.part or 'all'}: {drift.missing:+d}")
        self.stdout.write(f"{mended} links and {len(drifts)} totals were not what there is, and are now.")
