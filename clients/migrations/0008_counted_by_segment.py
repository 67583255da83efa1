from django.db import migrations

from api.segments import counted_by_segment
from clients.models import Client


class Migration(migrations.Migration):
    dependencies = [("clients", "0007_clients_so_far"), ("api", "0004_segments")]
    operations = counted_by_segment("clients_client", Client.kept_total)
