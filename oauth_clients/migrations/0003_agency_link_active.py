from django.db import migrations, models

from api.totals import kept_by_triggers
from oauth_clients.models import AgencyLink

# The agency's row is locked, so that its deactivation is seen by a link made at the same time, or sees that link.
TRIGGERS = """
    CREATE FUNCTION agency_link_begins() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
    BEGIN
        NEW.active := (SELECT deactivated_at IS NULL FROM agencies_agency WHERE id = NEW.agency_id FOR UPDATE);
        NEW.active := COALESCE(NEW.active, true);
        RETURN NEW;
    END $$;
    CREATE TRIGGER agency_link_begins BEFORE INSERT ON oauth_clients_agencylink
    FOR EACH ROW EXECUTE FUNCTION agency_link_begins();

    CREATE FUNCTION agency_link_follows() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
    BEGIN
        UPDATE oauth_clients_agencylink link SET active = agency.deactivated_at IS NULL
        FROM new_rows agency
        WHERE link.agency_id = agency.id AND link.active <> (agency.deactivated_at IS NULL);
        RETURN NULL;
    END $$;
    CREATE TRIGGER agency_link_follows AFTER UPDATE ON agencies_agency REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION agency_link_follows();

    CREATE FUNCTION agency_link_stays() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'A link is not changed: unlink, and link anew.' USING ERRCODE = 'check_violation';
    END $$;
    CREATE TRIGGER agency_link_stays BEFORE UPDATE OF oauth_client_id, agency_id ON oauth_clients_agencylink
    FOR EACH ROW WHEN (OLD.oauth_client_id <> NEW.oauth_client_id OR OLD.agency_id <> NEW.agency_id)
    EXECUTE FUNCTION agency_link_stays()
"""
NO_TRIGGERS = """
    DROP TRIGGER agency_link_begins ON oauth_clients_agencylink; DROP FUNCTION agency_link_begins();
    DROP TRIGGER agency_link_follows ON agencies_agency; DROP FUNCTION agency_link_follows();
    DROP TRIGGER agency_link_stays ON oauth_clients_agencylink; DROP FUNCTION agency_link_stays()
"""


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
        migrations.RunSQL(TRIGGERS, NO_TRIGGERS),
        *kept_by_triggers("oauth_clients_agencylink", AgencyLink.kept_total),
    ]
