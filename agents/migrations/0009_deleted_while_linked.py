from django.db import migrations

from api.triggers import FUNCTION

# As 0003 says of who writes an agent, and did not do for who deletes one: the agency is held against links that are made
# at this moment. They would take in an agent that is going.
HOLD_AGENCIES = """
    PERFORM 1 FROM agencies_agency WHERE id IN (SELECT agency_id FROM old_rows) ORDER BY id FOR KEY SHARE;
"""
GO = """
    PERFORM 1 FROM oauth_clients_agencylink WHERE agency_id IN (SELECT agency_id FROM old_rows) ORDER BY id FOR KEY SHARE;
    DELETE FROM agents_agentlink link USING oauth_clients_agencylink by_agency JOIN old_rows agent USING (agency_id)
    WHERE link.oauth_client_id = by_agency.oauth_client_id AND link.agent_id = agent.id;
    RETURN NULL;
"""
SETTINGS = "SET enable_hashjoin = off SET enable_mergejoin = off"  # 0006


def end(body):
    return FUNCTION.format(name="agent_links_end", settings=SETTINGS, body=body)


class Migration(migrations.Migration):
    """Locks nothing. What was left of agents that were deleted, each day's tidying or `recount` takes away."""

    dependencies = [("agents", "0008_counted_by_segment")]
    operations = [migrations.RunSQL(end(HOLD_AGENCIES + GO), end(GO))]
