from django.db import migrations

EACH = """
    DO $$ DECLARE made regprocedure; BEGIN
        FOR made IN
            SELECT oid FROM pg_proc
            WHERE proowner = current_user::regrole AND prosecdef AND prorettype = 'trigger'::regtype
        LOOP
            EXECUTE format('{act}', made);
        END LOOP;
    END $$
"""
REVOKE = EACH.format(act="REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC")
GRANT = EACH.format(act="GRANT EXECUTE ON FUNCTION %s TO PUBLIC")


class Migration(migrations.Migration):
    """What triggers do as the owner of the tables they do for those tables alone (api.triggers): whoever may execute it
    could make it the trigger of a temporary table, and write totals and links by it. Locks nothing."""

    dependencies = [
        ("api", "0005_total_of_segment"),
        ("agents", "0009_deleted_while_linked"),
        ("clients", "0009_readable_words"),
        ("oauth_clients", "0006_counted_by_segment"),
        ("webhooks", "0006_counted_by_segment"),
    ]
    operations = [migrations.RunSQL(REVOKE, GRANT)]
