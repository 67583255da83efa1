from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    """What forms say where the constraint is broken; in the database nothing changes."""

    dependencies = [("clients", "0003_client_of_any_indexes")]
    operations = [
        migrations.AlterConstraint(
            "client",
            "client_has_email_or_phone",
            models.CheckConstraint(
                condition=~Q(email="", phone_number=""),
                name="client_has_email_or_phone",
                violation_error_code="contact_missing",
                violation_error_message="An e-mail address or a phone number is needed.",
            ),
        )
    ]
