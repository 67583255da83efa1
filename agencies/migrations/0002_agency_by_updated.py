from django.db import migrations, models

from api.indexes import built_beside_writes


class Migration(migrations.Migration):
    """`updatedSince`."""

    atomic = False
    dependencies = [("agencies", "0001_initial")]
    operations = built_beside_writes("agency", [models.Index(fields=["updated_at", "id"], name="agency_by_updated")])
