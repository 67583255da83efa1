from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("webhooks", "0006_counted_by_segment")]
    operations = [
        migrations.AddField(
            "subscription",
            "tell_tries",
            models.SmallIntegerField(
                db_default=0, editable=False, help_text="How often nobody took what there is to tell"
            ),
        ),
        migrations.AddField(
            "subscription",
            "tell_after",
            models.DateTimeField(null=True, editable=False, help_text="It is not tried again before"),
        ),
    ]
