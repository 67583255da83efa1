from django.db import migrations

from api.segments import counted_by_segment
from oauth_clients.models import AgencyLink


class Migration(migrations.Migration):
    dependencies = [("oauth_clients", "0005_no_link_by_client_alone"), ("api", "0004_segments")]
    operations = counted_by_segment("oauth_clients_agencylink", AgencyLink.kept_total)
