"""The tables of generation, indexes of its queue and calls, and the tallies that calls leave as they end."""

import django.db.models.deletion
import pgtrigger.compiler
from django.conf import settings
from django.db import migrations, models

import projects.identifiers
import projects.schema

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
"""
GONE = """
    DROP TRIGGER call_moved ON generation_call;
    DROP TRIGGER calls_added ON generation_call;
    DROP FUNCTION generation_call_moved, generation_calls_added;
    DROP FUNCTION generation_count_call, generation_bucket;
"""


#: Taking the next row of the queue among 100,000 leased ones costs 34 ms without the first, 0.7 ms with it.
#: By the second, the page of health finds the calls behind a figure; by the third, what an account spent.
INDEXES = """
    CREATE INDEX queue_key_lock ON django_q_ormq ("key", "lock");
    CREATE INDEX call_ended ON generation_call
        (workspace_id, model, state, ended_at) WHERE ended_at IS NOT NULL;
    CREATE INDEX call_spent_at ON generation_call
        (account_id, ended_at) INCLUDE (posted) WHERE posted IS NOT NULL;
"""


class Migration(migrations.Migration):
    replaces = [
        ("generation", "0001_initial"),
        ("generation", "0002_initial"),
        ("generation", "0003_queue_index"),
        ("generation", "0004_run_choice"),
        ("generation", "0005_account_secrets_and_hold_lane"),
        ("generation", "0006_call_tallies"),
        ("generation", "0007_call_ended_index"),
        ("generation", "0008_verdicts"),
        ("generation", "0009_call_account_index"),
        ("generation", "0010_job_once_a_workspace"),
        ("generation", "0011_credit_units"),
        ("generation", "0012_account_tests_and_retirement"),
        ("generation", "0013_call_tokens"),
    ]

    initial = True

    dependencies = [
        ("billing", "0001_squashed_0018_budgets_in_depth"),
        ("projects", "0001_squashed_0017_budget_notices"),
        ("django_q", "0019_alter_task_options_alter_ormq_key_alter_ormq_lock_and_more"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        projects.schema.CreateModels(
            [
                migrations.CreateModel(
                    name="ProviderAccount",
                    fields=[
                        (
                            "id",
                            models.UUIDField(
                                default=projects.identifiers.new_id,
                                editable=False,
                                primary_key=True,
                                serialize=False,
                            ),
                        ),
                        (
                            "workspace",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="provider_accounts",
                                to="projects.workspace",
                            ),
                        ),
                        ("provider", models.CharField(max_length=40)),
                        ("name", models.CharField(max_length=80)),
                        ("encrypted_key", models.BinaryField()),
                        ("key_hint", models.CharField(blank=True, max_length=4)),
                        ("encrypted_webhook_secret", models.BinaryField(default=bytes)),
                        ("key_changed_at", models.DateTimeField(null=True)),
                        ("old_encrypted_key", models.BinaryField(null=True)),
                        ("old_encrypted_webhook_secret", models.BinaryField(null=True)),
                        ("old_until", models.DateTimeField(null=True)),
                        ("base_url", models.CharField(blank=True, max_length=300)),
                        ("region", models.CharField(blank=True, max_length=40)),
                        ("extra", models.JSONField(blank=True, default=dict)),
                        ("concurrency", models.PositiveIntegerField(default=20)),
                        ("rate_per_minute", models.PositiveIntegerField(blank=True, null=True)),
                        ("webhooks", models.BooleanField(default=False)),
                        ("webhook_token", models.CharField(max_length=64, unique=True)),
                        ("enabled", models.BooleanField(default=True)),
                        ("blocked_until", models.DateTimeField(null=True)),
                        (
                            "created_by",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        ("created_at", models.DateTimeField(auto_now_add=True)),
                        ("tested_at", models.DateTimeField(null=True)),
                        ("test_result", models.CharField(blank=True, max_length=200)),
                        ("test_works", models.BooleanField(null=True)),
                        ("retired_at", models.DateTimeField(null=True)),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(
                                condition=models.Q(("retired_at__isnull", True)),
                                fields=("workspace", "provider", "name"),
                                name="provider_account_name_once",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("retired_at__isnull", True), ("enabled", False), _connector="OR"
                                ),
                                name="provider_account_retired_off",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("old_until__isnull", False),
                                    models.Q(
                                        ("old_encrypted_key__isnull", True),
                                        ("old_encrypted_webhook_secret__isnull", True),
                                    ),
                                    _connector="OR",
                                ),
                                name="provider_account_old_until",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="HistoryJob",
                    fields=[
                        (
                            "id",
                            models.UUIDField(
                                default=projects.identifiers.new_id,
                                editable=False,
                                primary_key=True,
                                serialize=False,
                            ),
                        ),
                        (
                            "workspace",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="history_jobs",
                                to="projects.workspace",
                            ),
                        ),
                        (
                            "state",
                            models.CharField(
                                choices=[
                                    ("staged", "Staged"),
                                    ("checking", "Checking"),
                                    ("applying", "Applying"),
                                    ("done", "Done"),
                                    ("refused", "Refused"),
                                    ("failed", "Failed"),
                                ],
                                default="staged",
                                max_length=8,
                            ),
                        ),
                        ("charges_name", models.CharField(max_length=200)),
                        ("decisions_name", models.CharField(max_length=200)),
                        ("rows_total", models.PositiveIntegerField(default=0)),
                        ("rows_done", models.PositiveIntegerField(default=0)),
                        ("answer", models.JSONField(null=True)),
                        ("errors", models.JSONField(default=list)),
                        ("leased_until", models.DateTimeField(null=True)),
                        ("attempts", models.PositiveSmallIntegerField(default=0)),
                        (
                            "requested_by",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        ("requested_at", models.DateTimeField()),
                        ("ended_at", models.DateTimeField(null=True)),
                    ],
                ),
                migrations.CreateModel(
                    name="Canary",
                    fields=[
                        ("name", models.CharField(max_length=20, primary_key=True, serialize=False)),
                        ("asked_at", models.DateTimeField(null=True)),
                        ("stamped_at", models.DateTimeField(null=True)),
                    ],
                ),
                migrations.CreateModel(
                    name="SketchJob",
                    fields=[
                        (
                            "id",
                            models.UUIDField(
                                default=projects.identifiers.new_id,
                                editable=False,
                                primary_key=True,
                                serialize=False,
                            ),
                        ),
                        ("token", models.CharField(max_length=64, unique=True)),
                        ("model", models.CharField(max_length=200)),
                        ("kind", models.CharField(max_length=16)),
                        ("request", models.JSONField()),
                        (
                            "state",
                            models.CharField(
                                choices=[
                                    ("queued", "Queued"),
                                    ("running", "Running"),
                                    ("succeeded", "Succeeded"),
                                    ("failed", "Failed"),
                                    ("blocked", "Blocked"),
                                    ("cancelled", "Cancelled"),
                                ],
                                default="queued",
                                max_length=9,
                            ),
                        ),
                        ("outputs", models.JSONField(default=list)),
                        ("error_class", models.CharField(blank=True, max_length=20)),
                        ("error", models.CharField(blank=True, max_length=500)),
                        ("not_before", models.DateTimeField()),
                        ("leased_until", models.DateTimeField(null=True)),
                        ("attempts", models.PositiveSmallIntegerField(default=0)),
                        ("created_at", models.DateTimeField(auto_now_add=True)),
                        ("ended_at", models.DateTimeField(null=True)),
                    ],
                    options={
                        "indexes": [
                            models.Index(
                                condition=models.Q(("state__in", ["queued", "running"])),
                                fields=["not_before"],
                                name="sketch_job_due",
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="PromptTemplate",
                    fields=[
                        (
                            "id",
                            models.UUIDField(
                                default=projects.identifiers.new_id,
                                editable=False,
                                primary_key=True,
                                serialize=False,
                            ),
                        ),
                        (
                            "workspace",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="projects.workspace",
                            ),
                        ),
                        ("slug", models.SlugField(max_length=60)),
                        ("version", models.PositiveIntegerField()),
                        ("name", models.CharField(max_length=120)),
                        (
                            "author",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        ("reason", models.CharField(blank=True, max_length=300)),
                        ("published_at", models.DateTimeField()),
                        ("body", models.TextField()),
                        ("negative", models.TextField(blank=True)),
                        ("variables", models.JSONField(default=list)),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("workspace", "slug", "version"), name="prompt_template_version_once"
                            )
                        ],
                        "triggers": [
                            pgtrigger.compiler.Trigger(
                                name="prompt_template_append_only",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                                    hash="35864f9bd06d8b105e5b3ce18754a6ed78144a53",
                                    operation="UPDATE OR DELETE",
                                    pgid="pgtrigger_prompt_template_append_only_8337e",
                                    table="generation_prompttemplate",
                                    when="BEFORE",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="prompt_template_no_truncate",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="RAISE EXCEPTION 'append-only: prompt_template cannot be truncated';",
                                    hash="ce8aa8b6ff2997a21da15a79f1bc35919be0a92d",
                                    level="STATEMENT",
                                    operation="TRUNCATE",
                                    pgid="pgtrigger_prompt_template_no_truncate_9c186",
                                    table="generation_prompttemplate",
                                    when="BEFORE",
                                ),
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="ControlProfile",
                    fields=[
                        (
                            "id",
                            models.UUIDField(
                                default=projects.identifiers.new_id,
                                editable=False,
                                primary_key=True,
                                serialize=False,
                            ),
                        ),
                        (
                            "workspace",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="projects.workspace",
                            ),
                        ),
                        ("slug", models.SlugField(max_length=60)),
                        ("version", models.PositiveIntegerField()),
                        ("name", models.CharField(max_length=120)),
                        (
                            "author",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        ("reason", models.CharField(blank=True, max_length=300)),
                        ("published_at", models.DateTimeField()),
                        (
                            "seed_policy",
                            models.CharField(
                                blank=True,
                                choices=[
                                    ("campaign", "Locked by campaign"),
                                    ("deliverable", "Locked by deliverable"),
                                    ("free", "Free"),
                                ],
                                max_length=12,
                            ),
                        ),
                        (
                            "guidance",
                            models.DecimalField(blank=True, decimal_places=2, max_digits=6, null=True),
                        ),
                        (
                            "motion",
                            models.DecimalField(blank=True, decimal_places=3, max_digits=4, null=True),
                        ),
                        (
                            "duration_seconds",
                            models.DecimalField(blank=True, decimal_places=2, max_digits=6, null=True),
                        ),
                        ("use_anchors", models.BooleanField(default=True)),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("workspace", "slug", "version"), name="control_profile_version_once"
                            )
                        ],
                        "triggers": [
                            pgtrigger.compiler.Trigger(
                                name="control_profile_append_only",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                                    hash="48e9920cadaece6fb7912ea58afddfb7308c4dc1",
                                    operation="UPDATE OR DELETE",
                                    pgid="pgtrigger_control_profile_append_only_e957f",
                                    table="generation_controlprofile",
                                    when="BEFORE",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="control_profile_no_truncate",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="RAISE EXCEPTION 'append-only: control_profile cannot be truncated';",
                                    hash="2dd54ec74a5a83fea48bebc650c9fe142f2fcd8d",
                                    level="STATEMENT",
                                    operation="TRUNCATE",
                                    pgid="pgtrigger_control_profile_no_truncate_394d2",
                                    table="generation_controlprofile",
                                    when="BEFORE",
                                ),
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Pipeline",
                    fields=[
                        (
                            "id",
                            models.UUIDField(
                                default=projects.identifiers.new_id,
                                editable=False,
                                primary_key=True,
                                serialize=False,
                            ),
                        ),
                        (
                            "workspace",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="projects.workspace",
                            ),
                        ),
                        ("slug", models.SlugField(max_length=60)),
                        ("version", models.PositiveIntegerField()),
                        ("name", models.CharField(max_length=120)),
                        (
                            "author",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        ("reason", models.CharField(blank=True, max_length=300)),
                        ("published_at", models.DateTimeField()),
                        ("document", models.JSONField()),
                        ("digest", models.CharField(max_length=64)),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("workspace", "slug", "version"), name="pipeline_version_once"
                            )
                        ],
                        "triggers": [
                            pgtrigger.compiler.Trigger(
                                name="pipeline_append_only",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                                    hash="2320875edd26b22d05faaeef616011922eae7bc3",
                                    operation="UPDATE OR DELETE",
                                    pgid="pgtrigger_pipeline_append_only_edd1a",
                                    table="generation_pipeline",
                                    when="BEFORE",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="pipeline_no_truncate",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="RAISE EXCEPTION 'append-only: pipeline cannot be truncated';",
                                    hash="8e1c34c262b7689d805be43fff7f0685cc03e2bc",
                                    level="STATEMENT",
                                    operation="TRUNCATE",
                                    pgid="pgtrigger_pipeline_no_truncate_89227",
                                    table="generation_pipeline",
                                    when="BEFORE",
                                ),
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Recipe",
                    fields=[
                        (
                            "take",
                            models.OneToOneField(
                                on_delete=django.db.models.deletion.PROTECT,
                                primary_key=True,
                                related_name="recipe",
                                serialize=False,
                                to="projects.take",
                            ),
                        ),
                        ("request", models.JSONField()),
                        ("request_hash", models.CharField(max_length=64)),
                        ("routing_version", models.PositiveIntegerField(null=True)),
                        ("pipeline", models.CharField(blank=True, max_length=140)),
                        ("prompt_template", models.CharField(blank=True, max_length=140)),
                        ("control_profile", models.CharField(blank=True, max_length=140)),
                        ("seed_policy", models.CharField(blank=True, max_length=12)),
                        ("decision", models.JSONField(default=dict)),
                    ],
                    options={
                        "triggers": [
                            pgtrigger.compiler.Trigger(
                                name="recipe_append_only",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                                    hash="9d9727465e61e6319dc972b1777abf7dd2c01ef4",
                                    operation="UPDATE OR DELETE",
                                    pgid="pgtrigger_recipe_append_only_66235",
                                    table="generation_recipe",
                                    when="BEFORE",
                                ),
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Run",
                    fields=[
                        (
                            "id",
                            models.UUIDField(
                                default=projects.identifiers.new_id,
                                editable=False,
                                primary_key=True,
                                serialize=False,
                            ),
                        ),
                        (
                            "workspace",
                            models.ForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="projects.workspace",
                            ),
                        ),
                        (
                            "take",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="runs",
                                to="projects.take",
                            ),
                        ),
                        ("position", models.PositiveSmallIntegerField()),
                        ("step", models.CharField(max_length=60)),
                        ("kind", models.CharField(max_length=16)),
                        (
                            "stage",
                            models.CharField(
                                choices=[
                                    ("generation", "Generation"),
                                    ("control", "Control"),
                                    ("refinement", "Refinement"),
                                ],
                                max_length=10,
                            ),
                        ),
                        (
                            "state",
                            models.CharField(
                                choices=[
                                    ("planned", "Planned"),
                                    ("queued", "Waiting"),
                                    ("submitting", "Submitting"),
                                    ("rendering", "Rendering"),
                                    ("collecting", "Collecting"),
                                    ("succeeded", "Succeeded"),
                                    ("failed", "Failed"),
                                    ("blocked", "Blocked by moderation"),
                                    ("cancelled", "Cancelled"),
                                    ("unknown", "Unknown: sent, no answer known"),
                                ],
                                default="planned",
                                max_length=10,
                            ),
                        ),
                        ("needs", models.JSONField(default=list)),
                        ("request", models.JSONField(default=dict)),
                        ("result_text", models.TextField(blank=True)),
                        ("result", models.JSONField(default=dict)),
                        ("choice", models.PositiveSmallIntegerField(default=0)),
                        (
                            "asset",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="projects.asset",
                            ),
                        ),
                        ("waiting_for", models.CharField(blank=True, max_length=200)),
                        (
                            "lane",
                            models.CharField(
                                blank=True,
                                choices=[
                                    ("submit", "Submit"),
                                    ("poll", "Poll"),
                                    ("collect", "Collect"),
                                    ("hold", "Hold: its answer comes on the call's own connection"),
                                    ("", "None"),
                                ],
                                default="",
                                max_length=7,
                            ),
                        ),
                        ("due_at", models.DateTimeField(null=True)),
                        ("leased_until", models.DateTimeField(null=True)),
                        ("lease", models.UUIDField(null=True)),
                        ("attempts", models.PositiveSmallIntegerField(default=0)),
                        ("progress", models.DecimalField(decimal_places=3, default=0, max_digits=4)),
                        ("error_class", models.CharField(blank=True, max_length=20)),
                        ("error", models.CharField(blank=True, max_length=500)),
                        ("started_at", models.DateTimeField(null=True)),
                        ("ended_at", models.DateTimeField(null=True)),
                    ],
                    options={
                        "indexes": [
                            models.Index(
                                condition=models.Q(("lane", ""), _negated=True),
                                fields=["lane", "due_at"],
                                name="run_due",
                            ),
                            models.Index(
                                condition=models.Q(
                                    (
                                        "state__in",
                                        [
                                            "planned",
                                            "queued",
                                            "submitting",
                                            "rendering",
                                            "collecting",
                                            "unknown",
                                        ],
                                    )
                                ),
                                fields=["workspace", "state"],
                                name="run_in_flight",
                            ),
                        ],
                        "constraints": [
                            models.UniqueConstraint(fields=("take", "step"), name="run_step_once"),
                            models.CheckConstraint(
                                condition=models.Q(
                                    (
                                        "state__in",
                                        [
                                            "planned",
                                            "queued",
                                            "submitting",
                                            "rendering",
                                            "collecting",
                                            "succeeded",
                                            "failed",
                                            "blocked",
                                            "cancelled",
                                            "unknown",
                                        ],
                                    )
                                ),
                                name="run_state_known",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(("lease__isnull", True), ("leased_until__isnull", True)),
                                    models.Q(("lease__isnull", False), ("leased_until__isnull", False)),
                                    _connector="OR",
                                ),
                                name="run_lease_and_until",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Call",
                    fields=[
                        (
                            "id",
                            models.UUIDField(
                                default=projects.identifiers.new_id,
                                editable=False,
                                primary_key=True,
                                serialize=False,
                            ),
                        ),
                        (
                            "workspace",
                            models.ForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="projects.workspace",
                            ),
                        ),
                        (
                            "run",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="calls",
                                to="generation.run",
                            ),
                        ),
                        ("number", models.PositiveSmallIntegerField()),
                        ("model", models.CharField(max_length=200)),
                        ("provider", models.CharField(max_length=40)),
                        (
                            "account",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="generation.provideraccount",
                            ),
                        ),
                        (
                            "state",
                            models.CharField(
                                choices=[
                                    ("intended", "Intended"),
                                    ("accepted", "Accepted"),
                                    ("succeeded", "Succeeded"),
                                    ("failed", "Failed"),
                                    ("blocked", "Blocked"),
                                    ("cancelled", "Cancelled"),
                                    ("refused", "Refused before acceptance"),
                                    ("unknown", "Unknown"),
                                ],
                                default="intended",
                                max_length=9,
                            ),
                        ),
                        (
                            "hold",
                            models.OneToOneField(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="billing.hold",
                            ),
                        ),
                        ("price_row", models.UUIDField(null=True)),
                        ("payload_hash", models.CharField(blank=True, max_length=64)),
                        ("token_hash", models.CharField(blank=True, max_length=64)),
                        ("provider_job_id", models.CharField(blank=True, max_length=200)),
                        ("handle", models.JSONField(default=dict)),
                        ("outputs", models.JSONField(default=list)),
                        ("evidence", models.JSONField(default=dict)),
                        ("error_class", models.CharField(blank=True, max_length=20)),
                        ("error", models.CharField(blank=True, max_length=500)),
                        ("units", models.DecimalField(decimal_places=8, max_digits=20, null=True)),
                        ("input_tokens", models.BigIntegerField(null=True)),
                        ("output_tokens", models.BigIntegerField(null=True)),
                        ("reported_charge", models.DecimalField(decimal_places=8, max_digits=20, null=True)),
                        ("reported_currency", models.CharField(blank=True, max_length=47)),
                        ("posted", models.DecimalField(decimal_places=8, max_digits=20, null=True)),
                        ("intended_at", models.DateTimeField()),
                        ("accepted_at", models.DateTimeField(null=True)),
                        ("cancel_requested_at", models.DateTimeField(null=True)),
                        ("ended_at", models.DateTimeField(null=True)),
                    ],
                    options={
                        "indexes": [
                            models.Index(
                                condition=models.Q(("token_hash", ""), _negated=True),
                                fields=["token_hash"],
                                name="call_token",
                            ),
                            models.Index(
                                condition=models.Q(("state__in", ["intended", "accepted", "unknown"])),
                                fields=["model", "account"],
                                name="call_in_flight",
                            ),
                        ],
                        "constraints": [
                            models.UniqueConstraint(fields=("run", "number"), name="call_number_once"),
                            models.UniqueConstraint(
                                condition=models.Q(("provider_job_id", ""), _negated=True),
                                fields=("provider_job_id", "workspace", "provider"),
                                name="call_job_once_here",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="CallTally",
                    fields=[
                        ("id", models.BigAutoField(primary_key=True, serialize=False)),
                        (
                            "workspace",
                            models.ForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="projects.workspace",
                            ),
                        ),
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
                migrations.CreateModel(
                    name="Verdict",
                    fields=[
                        (
                            "id",
                            models.UUIDField(
                                default=projects.identifiers.new_id,
                                editable=False,
                                primary_key=True,
                                serialize=False,
                            ),
                        ),
                        (
                            "workspace",
                            models.ForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="projects.workspace",
                            ),
                        ),
                        (
                            "call",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="verdicts",
                                to="generation.call",
                            ),
                        ),
                        ("happened", models.BooleanField()),
                        ("job_id", models.CharField(blank=True, max_length=200)),
                        (
                            "state",
                            models.CharField(
                                choices=[
                                    ("said", "Said"),
                                    ("done", "Carried out"),
                                    ("undone", "Taken back"),
                                    ("void", "Overtaken"),
                                ],
                                default="said",
                                max_length=6,
                            ),
                        ),
                        (
                            "said_by",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="projects.membership",
                            ),
                        ),
                        ("said_at", models.DateTimeField()),
                        ("due_at", models.DateTimeField()),
                        ("ended_at", models.DateTimeField(null=True)),
                        ("words", models.CharField(blank=True, max_length=200)),
                    ],
                    options={
                        "indexes": [
                            models.Index(
                                condition=models.Q(("state", "said")), fields=["due_at"], name="verdict_due"
                            )
                        ],
                        "constraints": [
                            models.UniqueConstraint(
                                condition=models.Q(("state", "said")),
                                fields=("call",),
                                name="verdict_one_waits",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(("ended_at__isnull", True), ("state", "said")),
                                    models.Q(
                                        models.Q(("state", "said"), _negated=True),
                                        ("ended_at__isnull", False),
                                    ),
                                    _connector="OR",
                                ),
                                name="verdict_ended_at_when_ended",
                            ),
                        ],
                    },
                ),
            ]
        ),
        migrations.RunSQL(FUNCTIONS, GONE),
        migrations.RunSQL(INDEXES, "DROP INDEX queue_key_lock, call_ended, call_spent_at"),
    ]
