from django.db import migrations, models

from api.indexes import built_beside_writes, patiently

BY_TYPE = models.Index(fields=["subscription", "event_type", "id"], name="webhook_delivery_by_type")
# From one id to the next, a thousand rows a transaction. What a worker is at is passed by and come back for: who holds
# some rows waits for none, so nobody waits in a circle.
SO_FAR = """
    DO $$
    DECLARE batch uuid[]; last uuid;
    BEGIN
        WHILE EXISTS (SELECT FROM webhooks_delivery WHERE event_type = '') LOOP
            last := '00000000-0000-0000-0000-000000000000';
            LOOP
                batch := ARRAY(SELECT id FROM webhooks_delivery WHERE id > last ORDER BY id LIMIT 1000);
                EXIT WHEN batch = '{}';
                UPDATE webhooks_delivery delivery SET event_type = event.type
                FROM webhooks_event event
                WHERE event.id = delivery.event_id AND delivery.id IN (
                    SELECT id FROM webhooks_delivery WHERE id = ANY(batch) AND event_type = ''
                    FOR NO KEY UPDATE SKIP LOCKED
                );
                COMMIT;
                last := batch[cardinality(batch)];
            END LOOP;
        END LOOP;
    END $$
"""


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("webhooks", "0004_delivery_event_type")]
    operations = [
        *patiently([migrations.RunSQL(SO_FAR, migrations.RunSQL.noop)]),
        *built_beside_writes("delivery", [BY_TYPE]),
    ]
