"""Calls are counted as they end, by the database itself: each way to end one passes through its triggers."""

import django.db.models.deletion
from django.db import migrations, models

#: How one call counts: nothing while it is under way, else when, as what, and in which bucket of time.
#: A bucket is a quarter of an octave wide: bucket n ends at 0.25 s times 2 to the n/4th, 64 is all above.
FUNCTIONS = """
    CREATE FUNCTION generation_bucket(seconds double precision) RETURNS smallint LANGUAGE sql IMMUTABLE AS $$
        SELECT CASE WHEN seconds <= 0.25 THEN 0
                    ELSE least(64, ceil(4 * ln(seconds / 0.25) / ln(2.0) - 1e-9)) END::smallint
    $$;

    CREATE FUNCTION generation_count_call(c generation_call)
    RETURNS TABLE (starts_at timestamptz, measure text, outcome text, bucket smallint)
    LANGUAGE plpgsql STABLE AS $$
    DECLARE
        ended timestamptz := CASE c.state WHEN 'unknown' THEN c.intended_at
                                          ELSE coalesce(c.ended_at, c.intended_at) END;
        slot timestamptz := date_bin('5 minutes', ended, TIMESTAMPTZ '2000-01-01 00:00:00+00');
    BEGIN
        IF c.state IN ('intended', 'accepted') THEN
            RETURN;
        END IF;
        IF c.state <> 'succeeded' THEN
            RETURN QUERY SELECT slot, 'answer'::text,
                CASE c.state WHEN 'unknown' THEN 'lost' WHEN 'cancelled' THEN 'cancelled'
                             ELSE coalesce(nullif(c.error_class, ''), 'unknown') END::text,
                (-1)::smallint;
            RETURN;
        END IF;
        RETURN QUERY SELECT slot, 'answer'::text, 'succeeded'::text,
            generation_bucket(extract(epoch FROM ended - c.intended_at)::double precision);
        IF c.number = 1 THEN
            RETURN QUERY SELECT slot, 'wait'::text, 'succeeded'::text, generation_bucket(extract(epoch FROM
                c.intended_at - coalesce((
                    SELECT max(before.ended_at) FROM generation_run before
                    WHERE before.take_id = r.take_id AND before.position < r.position
                      AND before.state = 'succeeded' AND before.ended_at <= c.intended_at
                ), t.requested_at))::double precision)
            FROM generation_run r JOIN projects_take t ON t.id = r.take_id WHERE r.id = c.run_id;
        END IF;
    END
    $$;

    CREATE FUNCTION generation_call_moved() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO generation_calltally
            (workspace_id, step_seconds, starts_at, measure, model, outcome, bucket, calls)
        SELECT NEW.workspace_id, 0, n.starts_at, n.measure, NEW.model, n.outcome, n.bucket, 1
        FROM generation_count_call(NEW) n
        UNION ALL
        SELECT OLD.workspace_id, 0, o.starts_at, o.measure, OLD.model, o.outcome, o.bucket, -1
        FROM generation_count_call(OLD) o;
        RETURN NULL;
    END
    $$;

    CREATE FUNCTION generation_calls_added() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO generation_calltally
            (workspace_id, step_seconds, starts_at, measure, model, outcome, bucket, calls)
        SELECT a.workspace_id, 0, n.starts_at, n.measure, a.model, n.outcome, n.bucket, count(*)
        FROM added a CROSS JOIN LATERAL generation_count_call(a.*::generation_call) n
        WHERE a.state NOT IN ('intended', 'accepted')
        GROUP BY 1, 3, 4, 5, 6, 7;
        RETURN NULL;
    END
    $$;

    CREATE TRIGGER call_moved AFTER UPDATE OF state ON generation_call FOR EACH ROW
    WHEN (OLD.state IS DISTINCT FROM NEW.state
          AND (NEW.state NOT IN ('intended', 'accepted') OR OLD.state = 'unknown'))
    EXECUTE FUNCTION generation_call_moved();

    CREATE TRIGGER calls_added AFTER INSERT ON generation_call REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION generation_calls_added();

    INSERT INTO generation_calltally
        (workspace_id, step_seconds, starts_at, measure, model, outcome, bucket, calls)
    SELECT c.workspace_id, 0, n.starts_at, n.measure, c.model, n.outcome, n.bucket, count(*)
    FROM generation_call c CROSS JOIN LATERAL generation_count_call(c) n
    GROUP BY 1, 3, 4, 5, 6, 7;
"""
GONE = """
    DROP TRIGGER call_moved ON generation_call;
    DROP TRIGGER calls_added ON generation_call;
    DROP FUNCTION generation_call_moved, generation_calls_added;
    DROP FUNCTION generation_count_call, generation_bucket;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("generation", "0005_account_secrets_and_hold_lane"),
        ("projects", "0005_touch_spans"),
    ]
    operations = [
        migrations.CreateModel(
            name="CallTally",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("step_seconds", models.PositiveIntegerField(default=0)),
                ("starts_at", models.DateTimeField()),
                (
                    "measure",
                    models.CharField(choices=[("answer", "Answer"), ("wait", "Wait")], max_length=6),
                ),
                ("model", models.CharField(max_length=200)),
                ("outcome", models.CharField(max_length=20)),
                ("bucket", models.SmallIntegerField(default=-1)),
                ("calls", models.IntegerField()),
                (
                    "workspace",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="projects.workspace",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["workspace", "starts_at"], name="call_tally_of_workspace"),
                    models.Index(fields=["step_seconds", "starts_at"], name="call_tally_step"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("step_seconds__gt", 0)),
                        fields=(
                            "workspace",
                            "step_seconds",
                            "starts_at",
                            "measure",
                            "model",
                            "outcome",
                            "bucket",
                        ),
                        name="call_tally_once",
                    )
                ],
            },
        ),
        migrations.RunSQL(FUNCTIONS, GONE),
    ]
