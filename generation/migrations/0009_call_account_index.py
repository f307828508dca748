"""What an account spent in a month is found by its calls' ends."""

from django.db import migrations


class Migration(migrations.Migration):
    atomic = False  # calls may be many, and the engine goes on
    dependencies = [("generation", "0008_verdicts")]
    operations = [
        migrations.RunSQL(
            "CREATE INDEX CONCURRENTLY call_spent_at ON generation_call"
            " (account_id, ended_at) INCLUDE (posted) WHERE posted IS NOT NULL",
            "DROP INDEX CONCURRENTLY call_spent_at",
        )
    ]
