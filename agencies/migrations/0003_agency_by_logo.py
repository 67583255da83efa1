from django.db import migrations, models

from api.indexes import built_beside_writes

BY_LOGO = models.Index(fields=["logo"], name="agency_by_logo", condition=~models.Q(logo=""))


class Migration(migrations.Migration):
    """The sweep of pictures that no row names."""

    atomic = False
    dependencies = [("agencies", "0002_agency_by_updated")]
    operations = built_beside_writes("agency", [BY_LOGO])
