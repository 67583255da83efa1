from django.db import migrations

from agents.models import Agent, AgentLink
from api.segments import counted_by_segment


class Migration(migrations.Migration):
    dependencies = [("agents", "0007_agent_by_picture"), ("api", "0004_segments")]
    operations = [
        *counted_by_segment("agents_agent", Agent.kept_total),
        *counted_by_segment("agents_agentlink", AgentLink.kept_total),
    ]
