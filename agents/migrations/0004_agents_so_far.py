from django.db import migrations

from agents.models import Agent
from api.indexes import patiently
from api.totals import counted_so_far

# An agency at a time, locked as for a link to it (0003), and each committed: nobody waits for more than that.
SO_FAR = """
    DO $$
    DECLARE reached bigint;
    BEGIN
        FOR reached IN SELECT DISTINCT agency_id FROM oauth_clients_agencylink LOOP
            PERFORM 1 FROM agencies_agency WHERE id = reached FOR UPDATE;
            INSERT INTO agents_agentlink (oauth_client_id, agent_id, active, updated_at)
            SELECT oauth_client_id, agent.id, agent.deactivated_at IS NULL, agent.updated_at
            FROM oauth_clients_agencylink JOIN agents_agent agent USING (agency_id) WHERE agency_id = reached
            ON CONFLICT DO NOTHING;
            COMMIT;
        END LOOP;
    END $$
"""


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("agents", "0003_agent_link")]
    operations = [
        *patiently([migrations.RunSQL(SO_FAR, migrations.RunSQL.noop)]),
        *counted_so_far("agents_agent", Agent.kept_total),
    ]
