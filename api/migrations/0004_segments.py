from django.db import migrations, models

from api.segments import ADD
from api.totals import FIRST_START


class Migration(migrations.Migration):
    """Lists have one segment each, until `divide` cuts them."""

    dependencies = [("api", "0003_row_level_security")]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '2s'", migrations.RunSQL.noop),
        migrations.CreateModel(
            name="Segment",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("listed", models.CharField(help_text="The table whose rows are listed", max_length=63)),
                ("owner", models.CharField(help_text="Whose list it is: an id", max_length=36)),
                ("start", models.UUIDField(help_text="The key of its first row")),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=["owner", "listed", "start"], name="segment_unique")]
            },
        ),
        migrations.AddField(
            "total",
            "start",
            models.UUIDField(db_default=FIRST_START, help_text="Of the segment"),
        ),
        migrations.RunSQL(ADD, "DROP FUNCTION api_total_add(text, text, text, uuid, bigint)"),
    ]
