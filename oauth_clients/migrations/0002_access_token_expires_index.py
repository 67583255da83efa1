from django.db import migrations

NAME = "oauth_access_token_expires"


class Migration(migrations.Migration):
    """The toolkit's access tokens have no index to find expired ones by.

    Built without a lock on the table, and so outside of a transaction. A build that breaks off leaves an invalid index
    behind, which would satisfy IF NOT EXISTS: hence the DROP before it. No time-out: a large table takes long.
    """

    atomic = False
    dependencies = [
        ("oauth_clients", "0001_initial"),
        ("oauth2_provider", "0022_refreshtoken_token_family_index"),
    ]
    operations = [
        migrations.RunSQL(
            sql=[
                "SET statement_timeout = 0",
                "SET lock_timeout = 0",  # CONCURRENTLY waits for transactions that are open
                f"DROP INDEX CONCURRENTLY IF EXISTS {NAME}",
                f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {NAME} ON oauth2_provider_accesstoken (expires)",
                "RESET lock_timeout",
                "RESET statement_timeout",
            ],
            reverse_sql=[f"DROP INDEX CONCURRENTLY IF EXISTS {NAME}"],
        )
    ]
