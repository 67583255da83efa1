"""The roles, and for each table what the API may do, on whose rows. Later tables: their own migrations say so, with
`api.policies.protected` or `readable` (a test names each that does not). See docs/row-level-security.md."""

from django.db import migrations, models

from api.policies import (
    ACTOR,
    AGENCY,
    PARTNER,
    function,
    is_reached,
    open_to_all_but_the_api,
    protected,
    readable,
    roles,
)
from api.roles import ADMIN, API, WORKER

OF_AGENTS = "EXISTS (SELECT FROM agents_agent a WHERE a.id = agent_id AND a.agency_id = {agency})"
TO_OURS = "EXISTS (SELECT FROM webhooks_subscription s WHERE s.id = subscription_id)"
OF_OURS = "EXISTS (SELECT FROM webhooks_event e WHERE e.id = event_id)"
OWN_TOTALS = f"""
    CASE listed
        WHEN 'agents_agentlink' THEN owner = {PARTNER}::text
        WHEN 'oauth_clients_agencylink' THEN owner = {PARTNER}::text
        WHEN 'agents_agent' THEN owner = {AGENCY}::text
        WHEN 'clients_client' THEN EXISTS (SELECT FROM agents_agent a WHERE a.id = owner::bigint AND a.agency_id = {AGENCY})
        WHEN 'webhooks_delivery' THEN EXISTS (SELECT FROM webhooks_subscription s WHERE s.id = owner::uuid)
    END
"""
REST = "SELECT, INSERT, UPDATE"
ALL = f"{REST}, DELETE"

TABLES = [
    *protected("oauth_clients_agencylink", f"oauth_client_id = {PARTNER}", "SELECT"),
    *protected("agencies_agency", is_reached("agencies_agency.id"), "SELECT, UPDATE"),  # new ones: agency_founded
    *protected("agents_agent", is_reached("agents_agent.agency_id"), REST),
    *protected("agents_agentlink", f"oauth_client_id = {PARTNER}", "SELECT"),  # written by triggers, as totals are
    # Whoever sees an agent, a submission and so on through a policy of its own sees what belongs to it.
    *protected("agents_agenttoken", "EXISTS (SELECT FROM agents_agent a WHERE a.id = agent_id)", REST),
    *protected("clients_client", OF_AGENTS.format(agency=AGENCY), ALL),  # an agent's: a partner reaches no client
    *protected("clients_submission", "EXISTS (SELECT FROM clients_client c WHERE c.id = client_id)", ALL),
    *protected("clients_declarationpage", "EXISTS (SELECT FROM clients_submission s WHERE s.id = submission_id)", ALL),
    *protected("webhooks_subscription", f"agency_id = {AGENCY}", REST),
    *protected("webhooks_event", f"agency_id = {AGENCY}", "SELECT, INSERT"),
    *protected("webhooks_delivery", TO_OURS, REST, written=f"{TO_OURS} AND {OF_OURS}"),  # nobody else's event is sent
    *protected("webhooks_attempt", "EXISTS (SELECT FROM webhooks_delivery d WHERE d.id = delivery_id)", "SELECT"),
    # Nobody writes in another's name, nor reads what was written: what RETURNING gives is the id alone.
    *protected("audit_auditentry", f"actor = {ACTOR}", "SELECT (id, actor), INSERT"),
    *protected("api_idempotentanswer", f"actor IN ('', {ACTOR}) AND {ACTOR} IS NOT NULL", REST, written=f"actor = {ACTOR}"),
    *protected("api_total", OWN_TOTALS, "SELECT"),
    *readable("clients_questionset"),
    *readable("clients_question"),
]

OF_TOKEN = """
    SELECT a.id, a.agency_id, a.is_admin, t.id
    FROM agents_agenttoken t JOIN agents_agent a ON a.id = t.agent_id JOIN agencies_agency g ON g.id = a.agency_id
    WHERE t.digest = $1 AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > statement_timestamp())
      AND a.deactivated_at IS NULL AND g.deactivated_at IS NULL
"""
OF_ACCESS_TOKEN = """
    SELECT c.id, c.client_id::text, t.id, c.rate_limit_per_minute
    FROM oauth2_provider_accesstoken t JOIN oauth_clients_oauthclient c ON c.id = t.application_id
    WHERE t.token_checksum = $1 AND t.expires > statement_timestamp() AND c.suspended_at IS NULL
"""


def query(sql):
    """In PL/pgSQL, which keeps the plan."""
    return f"BEGIN RETURN QUERY {sql}; END"


FOUND = f"""
    DECLARE agency bigint; link bigint;
    BEGIN
        INSERT INTO agencies_agency (name, referral, color_code, logo, created_at, updated_at)
        VALUES ($1, $2, $3, '', now(), now()) RETURNING id INTO agency;
        INSERT INTO oauth_clients_agencylink (oauth_client_id, agency_id, created_at)
        VALUES ({PARTNER}, agency, now()) RETURNING id INTO link;
        RETURN QUERY SELECT agency, link;
    END
"""
# An operator that PostgreSQL does not know to keep secrets is not looked up in an index before a policy has passed
# each row. So what such an index finds is found by the tables' owner, and of that only what is the caller's.
WITH_EMAIL = f"SELECT id FROM agents_agent WHERE lower(email) = lower($1) AND ({is_reached('agents_agent.agency_id')})"
# Found first, and once: joined freely, PostgreSQL may ask the index anew for each agent of the agency. Then asked of each
# that was found, a few, whose it is: joined, all agents of a large agency would be read for that.
WITH_WORDS = f"""
    WITH found AS MATERIALIZED (SELECT id, agent_id FROM clients_client WHERE words @@ $1)
    SELECT found.id FROM found WHERE (SELECT a.agency_id FROM agents_agent a WHERE a.id = found.agent_id) = {AGENCY}
"""
# Of the tables by month, and of these alone; their months are named by the worker (webhooks.partitions).
OF_A_TABLE_BY_MONTH = """
    IF $1 NOT IN ('webhooks_event', 'webhooks_attempt') OR $2 !~ ('^' || $1 || '_[0-9]{4}_[0-9]{2}$') THEN
        RAISE insufficient_privilege USING MESSAGE = format('%s is no month of %s', $2, $1);
    END IF;
"""
ADDED = f"""
    BEGIN
        {OF_A_TABLE_BY_MONTH}
        EXECUTE format('CREATE TABLE IF NOT EXISTS %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)', $2, $1, $3, $4);
    END
"""
DROPPED = f"""
    BEGIN
        {OF_A_TABLE_BY_MONTH}
        EXECUTE format('ALTER TABLE %I DETACH PARTITION %I', $1, $2);
        EXECUTE format('DROP TABLE %I', $2);
    END
"""

FUNCTIONS = [
    # Who calls: known by what only the bearer of a token knows.
    *function(
        "agent_of_token(bytea)",
        "TABLE (agent_id bigint, agency_id bigint, is_admin boolean, token_id bigint) LANGUAGE plpgsql STABLE ROWS 1",
        query(OF_TOKEN),
        to=[API, ADMIN],  # who made a link to a file may have lost its token since
    ),
    *function(
        "partner_of_token(text)",
        "TABLE (client_pk bigint, client_id text, token_id bigint, rate_limit integer) LANGUAGE plpgsql STABLE ROWS 1",
        query(OF_ACCESS_TOKEN),
        to=[API],
    ),
    # An agency with its link, for it is the caller's only once it has one. The caller makes no other links.
    *function(
        "agency_founded(text, text, text)",
        "TABLE (agency_id bigint, link_id bigint) LANGUAGE plpgsql ROWS 1",
        FOUND,
        to=[API],
    ),
    # A slug is one in the whole platform, and no secret: it is the address of a public page.
    *function(
        "slugs_taken(text[])",
        "SETOF text LANGUAGE sql STABLE",
        "SELECT slug::text FROM agents_agent WHERE slug = ANY($1)",
        to=[API, ADMIN],
    ),
    *function("agents_with_email(text)", "SETOF bigint LANGUAGE plpgsql STABLE ROWS 10", query(WITH_EMAIL), to=[API]),
    *function("clients_with_words(tsquery)", "SETOF uuid LANGUAGE plpgsql STABLE ROWS 10", query(WITH_WORDS), to=[API]),
    *function("partition_added(text, text, uuid, uuid)", "void LANGUAGE plpgsql", ADDED, to=[WORKER]),
    *function("partition_dropped(text, text)", "void LANGUAGE plpgsql", DROPPED, to=[WORKER]),
]


class Migration(migrations.Migration):
    """Each table by itself, so that no more than one is locked at a time, and that for a moment. What broke off can be
    run again."""

    atomic = False
    dependencies = [
        ("api", "0002_total"),
        ("agencies", "0002_agency_by_updated"),
        ("agents", "0004_agents_so_far"),
        ("audit", "0001_initial"),
        ("clients", "0007_clients_so_far"),
        ("oauth_clients", "0004_agency_links_so_far"),
        ("webhooks", "0003_deliveries_so_far"),
    ]
    operations = [
        *roles(),
        migrations.AddField(
            "idempotentanswer",
            "actor",
            models.CharField(max_length=300, db_default="", help_text="Whose; none of before there were policies"),
        ),
        migrations.RunSQL("SET lock_timeout = '2s'", "RESET lock_timeout"),
        *open_to_all_but_the_api(),
        *TABLES,
        *FUNCTIONS,
        migrations.RunSQL("RESET lock_timeout", "SET lock_timeout = '2s'"),
    ]
