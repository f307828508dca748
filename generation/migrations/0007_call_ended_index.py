"""The calls behind a figure of the page of health are found by model, how they ended and when."""

from django.db import migrations


class Migration(migrations.Migration):
    atomic = False  # calls may be many, and the engine goes on
    dependencies = [("generation", "0006_call_tallies")]
    operations = [
        migrations.RunSQL(
            "CREATE INDEX CONCURRENTLY call_ended ON generation_call"
            " (workspace_id, model, state, ended_at) WHERE ended_at IS NOT NULL",
            "DROP INDEX CONCURRENTLY call_ended",
        )
    ]
