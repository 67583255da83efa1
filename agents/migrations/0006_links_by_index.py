from django.db import migrations

FUNCTIONS = [
    "agent_links_begin", "agent_links_follow", "agent_links_end",
    "agency_link_takes_agents", "agency_link_lets_agents_go", "agency_link_follows",
]  # fmt: skip
SET = "ALTER FUNCTION {}() SET enable_hashjoin = off SET enable_mergejoin = off"
RESET = "ALTER FUNCTION {}() RESET enable_hashjoin RESET enable_mergejoin"


class Migration(migrations.Migration):
    """What follows from a change is looked up by index, row by row of it.

    A trigger's plan is made for as many rows as the connection's first change had, and kept: after a large one, the
    links of the whole platform would be read for each change of one agent.
    """

    dependencies = [("agents", "0005_no_agent_of_any_by_updated")]
    operations = [migrations.RunSQL(SET.format(name), RESET.format(name)) for name in FUNCTIONS]
