from django.db import migrations

from api.segments import counted_by_segment
from webhooks.models import Delivery


class Migration(migrations.Migration):
    dependencies = [("webhooks", "0005_delivery_types_so_far"), ("api", "0004_segments")]
    operations = counted_by_segment("webhooks_delivery", Delivery.kept_total)
