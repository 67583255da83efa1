from django.db import migrations, models

from agents.models import Agent, AgentLink
from api.totals import kept_by_triggers

# A link to an agency is made with the agency's row locked, and ended with its own; whoever writes an agent holds the
# agency against the one, and then its links against the other. So each sees what the other has done, or comes before
# it: no agent is missed, none is entered twice, and nobody who waits holds what the other waits for.
TRIGGERS = """
    CREATE FUNCTION agent_links_begin() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
    BEGIN
        PERFORM 1 FROM agencies_agency WHERE id IN (SELECT agency_id FROM new_rows) ORDER BY id FOR KEY SHARE;
        PERFORM 1 FROM oauth_clients_agencylink WHERE agency_id IN (SELECT agency_id FROM new_rows)
        ORDER BY id FOR KEY SHARE;
        INSERT INTO agents_agentlink (oauth_client_id, agent_id, active, updated_at)
        SELECT oauth_client_id, agent.id, agent.deactivated_at IS NULL, agent.updated_at
        FROM new_rows agent JOIN oauth_clients_agencylink USING (agency_id);
        RETURN NULL;
    END $$;
    CREATE TRIGGER agent_links_begin AFTER INSERT ON agents_agent REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION agent_links_begin();

    CREATE FUNCTION agent_links_follow() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
    BEGIN
        PERFORM 1 FROM agencies_agency WHERE id IN (SELECT agency_id FROM new_rows) ORDER BY id FOR KEY SHARE;
        PERFORM 1 FROM oauth_clients_agencylink WHERE agency_id IN (SELECT agency_id FROM new_rows)
        ORDER BY id FOR KEY SHARE;
        UPDATE agents_agentlink link SET active = agent.deactivated_at IS NULL, updated_at = agent.updated_at
        FROM new_rows agent JOIN oauth_clients_agencylink by_agency USING (agency_id)
        WHERE link.oauth_client_id = by_agency.oauth_client_id AND link.agent_id = agent.id
          AND (link.active, link.updated_at) <> (agent.deactivated_at IS NULL, agent.updated_at);
        RETURN NULL;
    END $$;
    CREATE TRIGGER agent_links_follow AFTER UPDATE ON agents_agent REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION agent_links_follow();

    CREATE FUNCTION agent_links_end() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
    BEGIN
        PERFORM 1 FROM oauth_clients_agencylink WHERE agency_id IN (SELECT agency_id FROM old_rows)
        ORDER BY id FOR KEY SHARE;
        DELETE FROM agents_agentlink link
        USING old_rows agent JOIN oauth_clients_agencylink by_agency USING (agency_id)
        WHERE link.oauth_client_id = by_agency.oauth_client_id AND link.agent_id = agent.id;
        RETURN NULL;
    END $$;
    CREATE TRIGGER agent_links_end AFTER DELETE ON agents_agent REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION agent_links_end();

    CREATE FUNCTION agent_stays() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'An agent stays in its agency.' USING ERRCODE = 'check_violation';
    END $$;
    CREATE TRIGGER agent_stays BEFORE UPDATE OF agency_id ON agents_agent
    FOR EACH ROW WHEN (OLD.agency_id <> NEW.agency_id) EXECUTE FUNCTION agent_stays();

    CREATE FUNCTION agency_link_takes_agents() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
    BEGIN
        INSERT INTO agents_agentlink (oauth_client_id, agent_id, active, updated_at)
        SELECT oauth_client_id, agent.id, agent.deactivated_at IS NULL, agent.updated_at
        FROM new_rows JOIN agents_agent agent USING (agency_id);
        RETURN NULL;
    END $$;
    CREATE TRIGGER agency_link_takes_agents AFTER INSERT ON oauth_clients_agencylink REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION agency_link_takes_agents();

    CREATE FUNCTION agency_link_lets_agents_go() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
    BEGIN
        DELETE FROM agents_agentlink link
        USING old_rows by_agency JOIN agents_agent agent USING (agency_id)
        WHERE link.oauth_client_id = by_agency.oauth_client_id AND link.agent_id = agent.id;
        RETURN NULL;
    END $$;
    CREATE TRIGGER agency_link_lets_agents_go AFTER DELETE ON oauth_clients_agencylink
    REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION agency_link_lets_agents_go()
"""
NO_TRIGGERS = """
    DROP TRIGGER agent_links_begin ON agents_agent; DROP FUNCTION agent_links_begin();
    DROP TRIGGER agent_links_follow ON agents_agent; DROP FUNCTION agent_links_follow();
    DROP TRIGGER agent_links_end ON agents_agent; DROP FUNCTION agent_links_end();
    DROP TRIGGER agent_stays ON agents_agent; DROP FUNCTION agent_stays();
    DROP TRIGGER agency_link_takes_agents ON oauth_clients_agencylink; DROP FUNCTION agency_link_takes_agents();
    DROP TRIGGER agency_link_lets_agents_go ON oauth_clients_agencylink; DROP FUNCTION agency_link_lets_agents_go()
"""


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
        migrations.RunSQL(TRIGGERS, NO_TRIGGERS),
        *kept_by_triggers("agents_agent", Agent.kept_total),
    ]
