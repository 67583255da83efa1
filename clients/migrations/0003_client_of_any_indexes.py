from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models.functions import Lower

from clients.search import PhoneDigits

INDEXES = [
    models.Index(Lower("email"), name="client_of_any_by_email"),
    models.Index(PhoneDigits("phone_number"), name="client_of_any_by_phone"),
    models.Index(fields=["sort_name"], name="client_of_any_by_name", opclasses=["varchar_pattern_ops"]),
    models.Index(fields=["sales_funnel_status", "id"], name="client_of_any_by_funnel"),
]
PATIENT = ["SET statement_timeout = 0", "SET lock_timeout = 0"]  # CONCURRENTLY waits for transactions that are open
AS_BEFORE = ["RESET lock_timeout", "RESET statement_timeout"]


def build(index):
    """A build that broke off left an invalid index behind: hence the DROP before it."""
    drop = f"DROP INDEX CONCURRENTLY IF EXISTS {index.name}"
    return [migrations.RunSQL(drop, migrations.RunSQL.noop), AddIndexConcurrently("client", index)]


class Migration(migrations.Migration):
    """Administrators look over the clients of all agents, which the indexes so far begin with.

    Built without a lock on the table, and so outside of a transaction. No time-out: a large table takes long.
    """

    atomic = False
    dependencies = [("clients", "0002_first_questions")]
    operations = [
        migrations.RunSQL(PATIENT, AS_BEFORE),
        *(operation for index in INDEXES for operation in build(index)),
        migrations.RunSQL(AS_BEFORE, PATIENT),
    ]
