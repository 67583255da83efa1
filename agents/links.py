"""Mends what partners' lists are read from, where it is not what it should be.

AgentLink and AgencyLink.active are written by triggers, in the transaction of what they follow from. So there is
something to mend only after somebody wrote with triggers disabled, as some ways of restoring do.
"""

from django.db import connection, transaction

REACHED = """
    SELECT oauth_client_id, agent.id AS agent_id, agent.deactivated_at IS NULL AS active, agent.updated_at
    FROM oauth_clients_agencylink JOIN agents_agent agent USING (agency_id)
"""
LINKS = "SELECT oauth_client_id, agent_id, active, updated_at FROM agents_agentlink"
WRONG = f"""
    SELECT COUNT(*) FROM (
        ({REACHED} EXCEPT {LINKS}) UNION ({LINKS} EXCEPT {REACHED})
    ) wrong
"""  # noqa: S608 - constants of ours
SUPERFLUOUS = f"""
    DELETE FROM agents_agentlink link WHERE NOT EXISTS (
        SELECT 1 FROM ({REACHED}) reached
        WHERE (reached.oauth_client_id, reached.agent_id, reached.active, reached.updated_at)
            = (link.oauth_client_id, link.agent_id, link.active, link.updated_at)
    )
"""  # noqa: S608
MISSING = f"""
    INSERT INTO agents_agentlink (oauth_client_id, agent_id, active, updated_at) {REACHED} ON CONFLICT DO NOTHING
"""
# The agencies are locked, so that one that is being deactivated or reactivated is read as it then is.
AGENCIES = """
    UPDATE oauth_clients_agencylink link SET active = agency.active
    FROM (
        SELECT id, deactivated_at IS NULL AS active FROM agencies_agency WHERE id IN (
            SELECT agency.id FROM agencies_agency agency JOIN oauth_clients_agencylink link ON agency_id = agency.id
            WHERE link.active <> (deactivated_at IS NULL)
        ) ORDER BY id FOR SHARE
    ) agency
    WHERE agency_id = agency.id AND link.active <> agency.active
"""


def mend() -> int:
    """How many links were wrong, and are not any more.

    What is looked for is looked for in one snapshot, and locks nobody out; where something is to be mended, whoever
    writes agents waits for it.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")
        cursor.execute(AGENCIES)
        agencies = cursor.rowcount
        cursor.execute(WRONG)
        [agents] = cursor.fetchone()
        if agents:
            cursor.execute("LOCK TABLE agents_agentlink IN SHARE ROW EXCLUSIVE MODE")
            cursor.execute(SUPERFLUOUS)
            cursor.execute(MISSING)
        return agencies + agents
