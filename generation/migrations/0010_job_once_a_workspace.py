"""A job is one call's in its workspace: an id that another's own server made up stands in nobody's way."""

from django.db import migrations, models

ONCE = "CREATE UNIQUE INDEX CONCURRENTLY {} ON generation_call ({}) WHERE provider_job_id <> ''"


class Migration(migrations.Migration):
    atomic = False  # calls may be many, and the engine goes on
    dependencies = [("generation", "0009_call_account_index")]
    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    ONCE.format("call_job_once_here", "provider_job_id, workspace_id, provider"),
                    "DROP INDEX CONCURRENTLY call_job_once_here",
                ),
                migrations.RunSQL(
                    "DROP INDEX CONCURRENTLY call_job_once",
                    ONCE.format("call_job_once", "provider, provider_job_id"),
                ),
            ],
            state_operations=[
                migrations.RemoveConstraint("call", "call_job_once"),
                migrations.AddConstraint(
                    "call",
                    models.UniqueConstraint(
                        fields=["provider_job_id", "workspace", "provider"],
                        condition=~models.Q(provider_job_id=""),
                        name="call_job_once_here",
                    ),
                ),
            ],
        )
    ]
