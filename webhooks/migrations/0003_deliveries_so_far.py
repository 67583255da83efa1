from django.db import migrations

from api.totals import counted_so_far
from webhooks.models import Delivery


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("webhooks", "0002_delivery_total")]
    operations = counted_so_far("webhooks_delivery", Delivery.kept_total)
