from django.db import migrations, models

from agents.models import Agent, AgentLink
from api.totals import kept_by_triggers
from api.triggers import after, before

# A link to an agency is made with the agency's row locked, and ended with its own; whoever writes an agent holds the
# agency against the one, and then its links against the other. So each sees what the other has done, or comes before
# it: no agent is missed, none is entered twice, and nobody who waits holds what the other waits for.
HOLD_AGENCIES = """
    PERFORM 1 FROM agencies_agency WHERE id IN (SELECT agency_id FROM new_rows) ORDER BY id FOR KEY SHARE;
"""
HOLD_LINKS = """
    PERFORM 1 FROM oauth_clients_agencylink WHERE agency_id IN (SELECT agency_id FROM {rows}) ORDER BY id FOR KEY SHARE;
"""
ENTER = """
    INSERT INTO agents_agentlink (oauth_client_id, agent_id, active, updated_at)
    SELECT oauth_client_id, agent.id, agent.deactivated_at IS NULL, agent.updated_at
    FROM {links} JOIN {agents} agent USING (agency_id);
"""
FOLLOW = """
    UPDATE agents_agentlink link SET active = agent.deactivated_at IS NULL, updated_at = agent.updated_at
    FROM new_rows agent JOIN oauth_clients_agencylink by_agency USING (agency_id)
    WHERE link.oauth_client_id = by_agency.oauth_client_id AND link.agent_id = agent.id
      AND (link.active, link.updated_at) <> (agent.deactivated_at IS NULL, agent.updated_at);
"""
END = """
    DELETE FROM agents_agentlink link USING {links} by_agency JOIN {agents} agent USING (agency_id)
    WHERE link.oauth_client_id = by_agency.oauth_client_id AND link.agent_id = agent.id;
"""
STAYS = "RAISE EXCEPTION 'An agent stays in its agency.' USING ERRCODE = 'check_violation';"
AGENTS, LINKS = "agents_agent", "oauth_clients_agencylink"
HOLD = HOLD_AGENCIES + HOLD_LINKS.format(rows="new_rows")
COME = HOLD + ENTER.format(links=LINKS, agents="new_rows")
GO = HOLD_LINKS.format(rows="old_rows") + END.format(links=LINKS, agents="old_rows")


class Migration(migrations.Migration):
    """From here on; the agents that are there already come in 0004, without this one's lock on the tables."""

    dependencies = [
        ("agents", "0002_agent_by_updated"),
        ("oauth_clients", "0003_agency_link_active"),
        ("agencies", "0002_agency_by_updated"),
        ("api", "0002_total"),
    ]

    operations = [
        migrations.CreateModel(
            name="AgentLink",
            fields=[
                ("pk", models.CompositePrimaryKey("oauth_client_id", "agent_id", blank=True, editable=False, primary_key=True, serialize=False)),
                ("oauth_client", models.ForeignKey(db_constraint=False, db_index=False, on_delete=models.deletion.DO_NOTHING, related_name="+", to="oauth_clients.oauthclient")),
                ("agent", models.ForeignKey(db_constraint=False, db_index=False, on_delete=models.deletion.DO_NOTHING, related_name="+", to="agents.agent")),
                ("active", models.BooleanField()),
                ("updated_at", models.DateTimeField()),
            ],
            options={
                "indexes": [
                    models.Index(fields=["oauth_client", "agent"], name="agent_link_active", condition=models.Q(active=True)),
                    models.Index(fields=["oauth_client", "updated_at", "agent"], name="agent_link_by_updated"),
                ]
            },
        ),
        *kept_by_triggers("agents_agentlink", AgentLink.kept_total),
        after("INSERT", AGENTS, "agent_links_begin", COME),
        after("UPDATE", AGENTS, "agent_links_follow", HOLD + FOLLOW),
        after("DELETE", AGENTS, "agent_links_end", GO),
        before("UPDATE", AGENTS, "agent_stays", STAYS, when="OLD.agency_id <> NEW.agency_id"),
        after("INSERT", LINKS, "agency_link_takes_agents", ENTER.format(links="new_rows", agents=AGENTS)),
        after("DELETE", LINKS, "agency_link_lets_agents_go", END.format(links="old_rows", agents=AGENTS)),
        *kept_by_triggers("agents_agent", Agent.kept_total),
    ]
