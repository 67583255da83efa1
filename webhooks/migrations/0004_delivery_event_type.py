from django.db import migrations, models

from api.triggers import before

# Whoever does not say it: the release before, which knows no such column.
OF_EVENT = "NEW.event_type := (SELECT type FROM webhooks_event WHERE id = NEW.event_id);"


class Migration(migrations.Migration):
    """From here on; the deliveries that are there already come in 0005, without this one's lock on the table."""

    dependencies = [("webhooks", "0003_deliveries_so_far"), ("api", "0003_row_level_security")]
    operations = [
        migrations.AddField(
            "delivery",
            "event_type",
            models.CharField(
                max_length=60, db_default="", help_text="The event's, to find by; triggers fill in what is left empty"
            ),
        ),
        before("INSERT", "webhooks_delivery", "delivery_of_type", OF_EVENT, when="NEW.event_type = ''"),
    ]
