from django.db import migrations

from api.totals import kept_by_triggers
from webhooks.models import Delivery


class Migration(migrations.Migration):
    dependencies = [("webhooks", "0001_initial"), ("api", "0002_total")]
    operations = kept_by_triggers("webhooks_delivery", Delivery.kept_total)
