from django.db import migrations, models

#: What was known of batches before they had a state: when they were cancelled, and when they finished.
FILL = """
    UPDATE projects_batch b SET
        state = CASE WHEN cancelled_at IS NOT NULL THEN 'cancelled'
                     WHEN finished_at IS NOT NULL THEN 'finished' ELSE 'running' END,
        planned = (
            SELECT count(*) FROM projects_take t JOIN projects_round r ON r.id = t.round_id
            WHERE r.batch_id = b.id
        )
"""


class Migration(migrations.Migration):
    dependencies = [
        ("projects", "0006_batch_matrix"),
    ]

    operations = [
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
        migrations.AddIndex(
            model_name="batch",
            index=models.Index(fields=["workspace", "requested_at"], name="batch_recent"),
        ),
        migrations.AddIndex(
            model_name="batch",
            index=models.Index(
                condition=models.Q(("finished_at__isnull", True)), fields=["requested_at"], name="batch_open"
            ),
        ),
        migrations.AddIndex(
            model_name="batch",
            index=models.Index(condition=models.Q(("state", "paused")), fields=["id"], name="batch_paused"),
        ),
        migrations.AddConstraint(
            model_name="batch",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["running", "paused", "stopped", "cancelled", "finished"])),
                name="batch_state_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="batch",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("paused_at__isnull", False), ("paused_by__isnull", False), ("state", "paused")),
                    models.Q(
                        models.Q(("state", "paused"), _negated=True),
                        ("paused_at__isnull", True),
                        ("paused_by__isnull", True),
                    ),
                    _connector="OR",
                ),
                name="batch_paused_by_and_at",
            ),
        ),
        migrations.AddConstraint(
            model_name="batch",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("state", "stopped"),
                        ("stopped_at__isnull", False),
                        models.Q(("stopped_by", ""), _negated=True),
                    ),
                    models.Q(
                        models.Q(("state", "stopped"), _negated=True),
                        ("stopped_at__isnull", True),
                        ("stopped_by", ""),
                    ),
                    _connector="OR",
                ),
                name="batch_stopped_by_and_at",
            ),
        ),
        migrations.AddConstraint(
            model_name="batch",
            constraint=models.CheckConstraint(
                condition=models.Q(("state", "cancelled"), ("cancelled_at__isnull", True), _connector="OR"),
                name="batch_cancelled_state",
            ),
        ),
    ]
