from django.db import migrations, models

from api.indexes import built_beside_writes

INDEXES = [
    models.Index(fields=["agency", "updated_at", "id"], name="agent_by_updated"),
    models.Index(fields=["updated_at", "id"], name="agent_of_any_by_updated"),
]


class Migration(migrations.Migration):
    """`updatedSince`: of one agency, and of the many that a partner reaches."""

    atomic = False
    dependencies = [("agents", "0001_initial")]
    operations = built_beside_writes("agent", INDEXES)
