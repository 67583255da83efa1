from django.db import migrations, models

from api.indexes import built_beside_writes

BY_PICTURE = models.Index(fields=["profile_picture"], name="agent_by_picture", condition=~models.Q(profile_picture=""))


class Migration(migrations.Migration):
    """The sweep of pictures that no row names."""

    atomic = False
    dependencies = [("agents", "0006_links_by_index")]
    operations = built_beside_writes("agent", [BY_PICTURE])
