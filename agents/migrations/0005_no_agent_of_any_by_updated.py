from django.contrib.postgres.operations import RemoveIndexConcurrently
from django.db import migrations

from api.indexes import patiently


class Migration(migrations.Migration):
    """Partners sync by `agent_link_by_updated` now."""

    atomic = False
    dependencies = [("agents", "0004_agents_so_far")]
    operations = patiently([RemoveIndexConcurrently("agent", "agent_of_any_by_updated")])
