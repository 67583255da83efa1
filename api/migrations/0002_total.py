from django.db import migrations, models

from api.totals import ADD


class Migration(migrations.Migration):

    dependencies = [("api", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="Total",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("listed", models.CharField(help_text="The table whose rows are listed", max_length=63)),
                ("owner", models.CharField(help_text="Whose list it is: an id", max_length=36)),
                ("part", models.CharField(max_length=20)),
                ("amount", models.BigIntegerField()),
            ],
            options={"indexes": [models.Index(fields=["owner", "listed", "part"], name="total_of_list")]},
        ),
        # Changed all the time, and never what is indexed: room on the page, so that no index entry is written.
        migrations.RunSQL("ALTER TABLE api_total SET (fillfactor = 60)", migrations.RunSQL.noop),
        migrations.RunSQL(ADD, "DROP FUNCTION api_total_add"),
    ]
