"""Taking the next row of the queue among 100,000 leased ones costs 34 ms without this index, 0.7 ms with it."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("generation", "0002_initial"),
        ("django_q", "0019_alter_task_options_alter_ormq_key_alter_ormq_lock_and_more"),
    ]
    operations = [
        migrations.RunSQL(
            'CREATE INDEX queue_key_lock ON django_q_ormq ("key", "lock")',
            "DROP INDEX queue_key_lock",
        )
    ]
