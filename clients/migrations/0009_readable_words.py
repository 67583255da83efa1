from django.db import migrations, transaction
from django.db.models.functions import Length

from clients.search import entries

LONG = 90
"""Letters of both names together. Fewer made less than the 1,048,575 bytes that can be read: no letter folds to more than six
of one word, of three bytes each."""
OF = ("agent_id", "first_name", "last_name", "email", "phone_number")


def write_anew(apps, schema_editor):
    """Row by row, each under its lock, so that nobody waits for more than one. The words are not read."""
    rows = apps.get_model("clients", "Client").objects
    long = rows.alias(letters=Length("first_name") + Length("last_name")).filter(letters__gt=LONG)
    for pk in list(long.values_list("pk", flat=True)):
        with transaction.atomic():
            for client in rows.filter(pk=pk).select_for_update().values(*OF):
                rows.filter(pk=pk).update(words=entries(**client))


class Migration(migrations.Migration):
    """A name of 100 letters could make more words than PostgreSQL can read: docs/runbook.md, *Words*."""

    atomic = False
    dependencies = [("clients", "0008_counted_by_segment")]
    operations = [
        migrations.RunSQL("SET statement_timeout = 0", "RESET statement_timeout"),
        migrations.RunPython(write_anew, migrations.RunPython.noop),
        migrations.RunSQL("RESET statement_timeout", "SET statement_timeout = 0"),
    ]
