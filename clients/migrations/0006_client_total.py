from django.db import migrations

from api.totals import kept_by_triggers
from clients.models import Client


class Migration(migrations.Migration):
    dependencies = [("clients", "0005_revisions"), ("api", "0002_total")]
    operations = kept_by_triggers("clients_client", Client.kept_total)
