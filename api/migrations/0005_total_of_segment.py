from django.contrib.postgres.operations import RemoveIndexConcurrently
from django.db import migrations, models

from api.indexes import built_beside_writes, patiently
from api.totals import ADD

INDEX = models.Index(fields=["owner", "listed", "part", "start"], name="total_of_segment")


class Migration(migrations.Migration):
    """What was of use before the triggers counted in segments. (Not in the migrations before: in the middle of those,
    somebody may have been about to call it.)"""

    atomic = False
    dependencies = [
        ("api", "0004_segments"),
        ("agents", "0008_counted_by_segment"),
        ("clients", "0008_counted_by_segment"),
        ("oauth_clients", "0006_counted_by_segment"),
        ("webhooks", "0006_counted_by_segment"),
    ]
    operations = [
        *built_beside_writes("total", [INDEX]),
        *patiently([RemoveIndexConcurrently("total", "total_of_list")]),
        migrations.RunSQL("DROP FUNCTION api_total_add(text, text, text, bigint)", ADD),
    ]
