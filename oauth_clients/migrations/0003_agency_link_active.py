from django.db import migrations, models

from api.totals import kept_by_triggers
from api.triggers import after, before
from oauth_clients.models import AgencyLink

# The agency's row is locked, so that its deactivation is seen by a link made at the same time, or sees that link.
BEGINS = """
    NEW.active := (SELECT deactivated_at IS NULL FROM agencies_agency WHERE id = NEW.agency_id FOR UPDATE);
    NEW.active := COALESCE(NEW.active, true);
"""
FOLLOWS = """
    UPDATE oauth_clients_agencylink link SET active = agency.deactivated_at IS NULL
    FROM new_rows agency
    WHERE link.agency_id = agency.id AND link.active <> (agency.deactivated_at IS NULL);
"""
STAYS = "RAISE EXCEPTION 'A link is not changed: unlink, and link anew.' USING ERRCODE = 'check_violation';"
MOVED = "OLD.oauth_client_id <> NEW.oauth_client_id OR OLD.agency_id <> NEW.agency_id"


class Migration(migrations.Migration):
    """From here on; what is there already comes in 0004, without this one's lock on the tables."""

    dependencies = [
        ("oauth_clients", "0002_access_token_expires_index"),
        ("agencies", "0002_agency_by_updated"),
        ("api", "0002_total"),
    ]

    operations = [
        migrations.AddField(
            "agencylink",
            "active",
            models.BooleanField(db_default=True, editable=False, help_text="The agency is; written by triggers"),
        ),
        before("INSERT", "oauth_clients_agencylink", "agency_link_begins", BEGINS),
        before("UPDATE", "oauth_clients_agencylink", "agency_link_stays", STAYS, when=MOVED),
        after("UPDATE", "agencies_agency", "agency_link_follows", FOLLOWS),
        *kept_by_triggers("oauth_clients_agencylink", AgencyLink.kept_total),
    ]
