from django.db import migrations, models

from api.indexes import built_beside_writes
from api.totals import counted_so_far
from oauth_clients.models import AgencyLink

ACTIVE = models.Index(fields=["oauth_client", "agency"], name="agency_link_active", condition=models.Q(active=True))
# The agencies are locked, so that one that is being deactivated or reactivated is read as it then is.
SO_FAR = """
    UPDATE oauth_clients_agencylink SET active = false
    FROM (SELECT id FROM agencies_agency WHERE deactivated_at IS NOT NULL ORDER BY id FOR SHARE) agency
    WHERE agency_id = agency.id AND active
"""


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("oauth_clients", "0003_agency_link_active")]
    operations = [
        migrations.RunSQL(SO_FAR, migrations.RunSQL.noop),
        *counted_so_far("oauth_clients_agencylink", AgencyLink.kept_total),
        *built_beside_writes("agencylink", [ACTIVE]),
    ]
