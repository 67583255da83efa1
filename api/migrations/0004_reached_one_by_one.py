from django.db import migrations

from api.policies import AGENCY, PARTNER, is_reached

# EXISTS, as so far, may be answered for many rows from a list of all agencies that the partner is linked to, which is
# made for that: milliseconds for a large one. The value of a subquery is asked of each row.
LINKED = f"SELECT true FROM oauth_clients_agencylink WHERE oauth_client_id = {PARTNER} AND agency_id ="
TABLES = {"agencies_agency": "agencies_agency.id", "agents_agent": "agents_agent.agency_id"}


def policy(table, rows):
    return f"ALTER POLICY of_caller ON {table} USING ({rows})"


class Migration(migrations.Migration):
    """Whose agencies and agents are, in a form that costs the same however many a partner reaches."""

    atomic = False
    dependencies = [("api", "0003_row_level_security")]
    operations = [
        migrations.RunSQL("SET lock_timeout = '2s'", "RESET lock_timeout"),
        *(
            migrations.RunSQL(
                policy(table, f"{agency} = {AGENCY} OR ({LINKED} {agency})"), policy(table, is_reached(agency))
            )
            for table, agency in TABLES.items()
        ),
        migrations.RunSQL("RESET lock_timeout", "SET lock_timeout = '2s'"),
    ]
