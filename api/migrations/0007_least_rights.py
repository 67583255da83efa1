from django.db import migrations

from api.roles import ADMIN, WORKER

LOGINS = (
    "auth_user, auth_group, auth_permission, auth_user_groups, auth_user_user_permissions, auth_group_permissions, "
    "django_admin_log"
)
ALL = "SELECT, INSERT, UPDATE, DELETE"


class Migration(migrations.Migration):
    """The audit trail is added to, and nobody but the owner changes or removes what stands there; workers have no part
    in administrators' logins, and of their sessions see when they end. Locks nothing, and takes from no release what it
    uses."""

    dependencies = [
        ("api", "0006_triggers_of_the_owner"),
        ("admin", "0003_logentry_add_action_flag_choices"),
        ("audit", "0001_initial"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("sessions", "0001_initial"),
    ]
    operations = [
        migrations.RunSQL(
            f"REVOKE UPDATE, DELETE ON audit_auditentry FROM {ADMIN}, {WORKER}",
            f"GRANT UPDATE, DELETE ON audit_auditentry TO {ADMIN}, {WORKER}",
        ),
        migrations.RunSQL(f"REVOKE ALL ON {LOGINS} FROM {WORKER}", f"GRANT {ALL} ON {LOGINS} TO {WORKER}"),
        migrations.RunSQL(
            [
                f"REVOKE ALL ON django_session FROM {WORKER}",
                f"GRANT SELECT (expire_date), DELETE ON django_session TO {WORKER}",
            ],
            [
                f"REVOKE SELECT (expire_date) ON django_session FROM {WORKER}",
                f"GRANT {ALL} ON django_session TO {WORKER}",
            ],
        ),
    ]
