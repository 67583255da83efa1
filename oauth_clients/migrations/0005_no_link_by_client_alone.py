from django.db import migrations, models

from api.indexes import patiently

INDEX = "oauth_clients_agencylink_oauth_client_id_39b5eed0"
DROP = f"DROP INDEX CONCURRENTLY IF EXISTS {INDEX}"
CREATE = f"CREATE INDEX CONCURRENTLY {INDEX} ON oauth_clients_agencylink (oauth_client_id)"


class Migration(migrations.Migration):
    """Other indexes begin with the client as well, and are in the order of a page. (Django would drop and check the
    foreign key anew.)"""

    atomic = False
    dependencies = [("oauth_clients", "0004_agency_links_so_far")]
    operations = patiently(
        [
            migrations.SeparateDatabaseAndState(
                database_operations=[migrations.RunSQL(DROP, CREATE)],
                state_operations=[
                    migrations.AlterField(
                        "agencylink",
                        "oauth_client",
                        models.ForeignKey(
                            db_index=False,
                            on_delete=models.deletion.PROTECT,
                            related_name="agency_links",
                            to="oauth_clients.oauthclient",
                        ),
                    )
                ],
            )
        ]
    )
