from django.db import migrations

from api.totals import counted_so_far
from clients.models import Client


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("clients", "0006_client_total")]
    operations = counted_so_far("clients_client", Client.kept_total)
