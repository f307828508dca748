"""The tables of projects. Data of the states that these migrations replace is taken as it is."""

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.text
import pgtrigger.compiler
from django.conf import settings
from django.db import migrations, models

import projects.identifiers
import projects.schema


class Migration(migrations.Migration):
    replaces = [
        ("projects", "0001_initial"),
        ("projects", "0002_take_notes"),
        ("projects", "0003_touches"),
        ("projects", "0004_page_indexes"),
        ("projects", "0005_touch_spans"),
        ("projects", "0006_batch_matrix"),
        ("projects", "0007_batch_states"),
        ("projects", "0008_notices_of_batches_and_models"),
        ("projects", "0009_sounds"),
        ("projects", "0010_notice_of_the_month"),
        ("projects", "0011_overridden_routes"),
        ("projects", "0012_notice_of_a_waiting_month"),
        ("projects", "0013_campaign_terms"),
        ("projects", "0014_time_logs"),
        ("projects", "0015_standing_rules"),
        ("projects", "0016_event_of_budgets"),
        ("projects", "0017_budget_notices"),
    ]

    initial = True

    dependencies = [("auth", "0012_alter_user_first_name_max_length")]

    operations = [
        projects.schema.CreateModels(
            [
                migrations.CreateModel(
                    name="Person",
                    fields=[
                        ("password", models.CharField(max_length=128, verbose_name="password")),
                        (
                            "last_login",
                            models.DateTimeField(blank=True, null=True, verbose_name="last login"),
                        ),
                        (
                            "is_superuser",
                            models.BooleanField(
                                default=False,
                                help_text="Designates that this user has all permissions without explicitly assigning them.",
                                verbose_name="superuser status",
                            ),
                        ),
                        (
                            "id",
                            models.UUIDField(
                                default=projects.identifiers.new_id,
                                editable=False,
                                primary_key=True,
                                serialize=False,
                            ),
                        ),
                        ("email", models.EmailField(max_length=254, unique=True)),
                        ("name", models.CharField(blank=True, max_length=120)),
                        ("is_active", models.BooleanField(default=True)),
                        ("is_staff", models.BooleanField(default=False)),
                        ("single_key_shortcuts", models.BooleanField(default=True)),
                        ("theme", models.CharField(default="system", max_length=8)),
                        ("created_at", models.DateTimeField(auto_now_add=True)),
                        (
                            "groups",
                            models.ManyToManyField(
                                blank=True,
                                help_text="The groups this user belongs to. A user will get all permissions granted to each of their groups.",
                                related_name="user_set",
                                related_query_name="user",
                                to="auth.group",
                                verbose_name="groups",
                            ),
                        ),
                        (
                            "user_permissions",
                            models.ManyToManyField(
                                blank=True,
                                help_text="Specific permissions for this user.",
                                related_name="user_set",
                                related_query_name="user",
                                to="auth.permission",
                                verbose_name="user permissions",
                            ),
                        ),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(
                                django.db.models.functions.text.Lower("email"),
                                name="person_email_unique_any_case",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("theme__in", ["system", "dark", "light"])),
                                name="person_theme_known",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Workspace",
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
                        ("slug", models.SlugField(max_length=60, unique=True)),
                        ("name", models.CharField(max_length=120)),
                        ("currency", models.CharField(max_length=3)),
                        ("time_zone", models.CharField(max_length=60)),
                        ("is_demo", models.BooleanField(default=False)),
                        ("builtin_only", models.BooleanField(default=False)),
                        ("review_cap_minutes", models.PositiveSmallIntegerField(default=15)),
                        ("waiting_cap_minutes", models.PositiveSmallIntegerField(default=60)),
                        (
                            "waiting_weight",
                            models.DecimalField(decimal_places=3, default="0.25", max_digits=4),
                        ),
                        ("time_by_person", models.BooleanField(default=False)),
                        (
                            "unknown_price",
                            models.DecimalField(blank=True, decimal_places=8, max_digits=20, null=True),
                        ),
                        (
                            "doubtful_charge_limit",
                            models.DecimalField(decimal_places=8, default=0, max_digits=20),
                        ),
                        ("created_at", models.DateTimeField(auto_now_add=True)),
                    ],
                    options={
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(("currency__regex", "^[A-Z]{3}$")),
                                name="workspace_currency_iso_4217",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("doubtful_charge_limit__gte", 0)),
                                name="workspace_doubtful_limit_positive",
                            ),
                        ],
                        "triggers": [
                            pgtrigger.compiler.Trigger(
                                name="workspace_change_touches",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    condition='WHEN (OLD."review_cap_minutes" IS DISTINCT FROM (NEW."review_cap_minutes") OR OLD."time_zone" IS DISTINCT FROM (NEW."time_zone") OR OLD."waiting_cap_minutes" IS DISTINCT FROM (NEW."waiting_cap_minutes") OR OLD."waiting_weight" IS DISTINCT FROM (NEW."waiting_weight"))',
                                    func="\n    INSERT INTO projects_touch (workspace_id) VALUES (NEW.id);\n    RETURN NULL;\n",
                                    hash="a62fe33113eeaa2a73035c51151b997391099a68",
                                    operation='UPDATE OF "time_zone", "review_cap_minutes", "waiting_cap_minutes", "waiting_weight"',
                                    pgid="pgtrigger_workspace_change_touches_fadce",
                                    table="projects_workspace",
                                    when="AFTER",
                                ),
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Membership",
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
                                related_name="memberships",
                                to="projects.workspace",
                            ),
                        ),
                        (
                            "person",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="memberships",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "roles",
                            django.contrib.postgres.fields.ArrayField(
                                base_field=models.CharField(
                                    choices=[
                                        ("producer", "Producer"),
                                        ("reviewer", "Reviewer"),
                                        ("manager", "Manager"),
                                        ("finance", "Finance"),
                                        ("admin", "Admin"),
                                        ("viewer", "Viewer"),
                                    ],
                                    max_length=12,
                                ),
                                size=None,
                            ),
                        ),
                        ("joined_at", models.DateTimeField(auto_now_add=True)),
                        ("ended_at", models.DateTimeField(blank=True, null=True)),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(fields=("workspace", "person"), name="membership_once"),
                            models.CheckConstraint(
                                condition=models.Q(
                                    (
                                        "roles__contained_by",
                                        ["producer", "reviewer", "manager", "finance", "admin", "viewer"],
                                    ),
                                    ("roles__len__gt", 0),
                                ),
                                name="membership_roles_known",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="RoleRate",
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
                                related_name="role_rates",
                                to="projects.workspace",
                            ),
                        ),
                        (
                            "role",
                            models.CharField(
                                choices=[
                                    ("producer", "Producer"),
                                    ("reviewer", "Reviewer"),
                                    ("manager", "Manager"),
                                    ("finance", "Finance"),
                                    ("admin", "Admin"),
                                    ("viewer", "Viewer"),
                                ],
                                max_length=12,
                            ),
                        ),
                        ("hourly_rate", models.DecimalField(decimal_places=8, max_digits=20)),
                        ("starts_on", models.DateField()),
                        (
                            "set_by",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        ("set_at", models.DateTimeField(auto_now_add=True)),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("workspace", "role", "starts_on"), name="role_rate_once"
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("hourly_rate__gte", 0)), name="role_rate_positive"
                            ),
                        ],
                        "triggers": [
                            pgtrigger.compiler.Trigger(
                                name="role_rate_touches",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="\n    INSERT INTO projects_touch (workspace_id, starts_at)\n    SELECT workspace_id, starts_on::timestamp AT TIME ZONE 'UTC' - interval '1 day' FROM added;\n    RETURN NULL;\n",
                                    hash="c34e617f3850b9a09b25d3ac742ef4688aa4e524",
                                    level="STATEMENT",
                                    operation="INSERT",
                                    pgid="pgtrigger_role_rate_touches_ab204",
                                    referencing="REFERENCING NEW TABLE AS added ",
                                    table="projects_rolerate",
                                    when="AFTER",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="role_rate_change_touches",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="\n    INSERT INTO projects_touch (workspace_id, starts_at)\n    SELECT workspace_id, starts_on::timestamp AT TIME ZONE 'UTC' - interval '1 day' FROM (SELECT * FROM added UNION ALL SELECT * FROM gone) rates;\n    RETURN NULL;\n",
                                    hash="b0596f4f010c88cb4377d949156079af54384c60",
                                    level="STATEMENT",
                                    operation="UPDATE",
                                    pgid="pgtrigger_role_rate_change_touches_8fe95",
                                    referencing="REFERENCING OLD TABLE AS gone  NEW TABLE AS added ",
                                    table="projects_rolerate",
                                    when="AFTER",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="role_rate_loss_touches",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="\n    INSERT INTO projects_touch (workspace_id, starts_at)\n    SELECT workspace_id, starts_on::timestamp AT TIME ZONE 'UTC' - interval '1 day' FROM gone;\n    RETURN NULL;\n",
                                    hash="a0ca937a595ef22c4908c2bc836ca0cbcd9b7c41",
                                    level="STATEMENT",
                                    operation="DELETE",
                                    pgid="pgtrigger_role_rate_loss_touches_00d5b",
                                    referencing="REFERENCING OLD TABLE AS gone ",
                                    table="projects_rolerate",
                                    when="AFTER",
                                ),
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Invitation",
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
                                related_name="invitations",
                                to="projects.workspace",
                            ),
                        ),
                        ("email", models.EmailField(max_length=254)),
                        (
                            "roles",
                            django.contrib.postgres.fields.ArrayField(
                                base_field=models.CharField(
                                    choices=[
                                        ("producer", "Producer"),
                                        ("reviewer", "Reviewer"),
                                        ("manager", "Manager"),
                                        ("finance", "Finance"),
                                        ("admin", "Admin"),
                                        ("viewer", "Viewer"),
                                    ],
                                    max_length=12,
                                ),
                                size=None,
                            ),
                        ),
                        ("secret_hash", models.CharField(max_length=64, unique=True)),
                        (
                            "invited_by",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        ("invited_at", models.DateTimeField(auto_now_add=True)),
                        ("expires_at", models.DateTimeField()),
                        (
                            "accepted_by",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        ("accepted_at", models.DateTimeField(null=True)),
                        ("revoked_at", models.DateTimeField(null=True)),
                    ],
                    options={
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(("accepted_at__isnull", True), ("accepted_by__isnull", True)),
                                    models.Q(("accepted_at__isnull", False), ("accepted_by__isnull", False)),
                                    _connector="OR",
                                ),
                                name="invitation_accepted_by_and_at",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    (
                                        "roles__contained_by",
                                        ["producer", "reviewer", "manager", "finance", "admin", "viewer"],
                                    ),
                                    ("roles__len__gt", 0),
                                ),
                                name="invitation_roles_known",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="ApiToken",
                    fields=[
                        ("digest", models.CharField(max_length=128, primary_key=True, serialize=False)),
                        ("token_key", models.CharField(db_index=True, max_length=25)),
                        (
                            "user",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="auth_token_set",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        ("created", models.DateTimeField(auto_now_add=True)),
                        ("expiry", models.DateTimeField(blank=True, null=True)),
                        (
                            "membership",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="api_tokens",
                                to="projects.membership",
                            ),
                        ),
                        ("label", models.CharField(blank=True, max_length=80)),
                        ("last_used_at", models.DateTimeField(null=True)),
                    ],
                ),
                migrations.CreateModel(
                    name="IdempotencyRecord",
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
                            "membership",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="+",
                                to="projects.membership",
                            ),
                        ),
                        ("key", models.CharField(max_length=255)),
                        ("fingerprint", models.CharField(max_length=64)),
                        ("started_at", models.DateTimeField(auto_now_add=True)),
                        ("status", models.PositiveSmallIntegerField(null=True)),
                        ("answer", models.JSONField(null=True)),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(fields=("membership", "key"), name="idempotency_key_once")
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="SavedFilter",
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
                            "membership",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="saved_filters",
                                to="projects.membership",
                            ),
                        ),
                        ("page", models.CharField(max_length=60)),
                        ("name", models.CharField(blank=True, max_length=80)),
                        ("query", models.CharField(max_length=1000)),
                        ("saved_at", models.DateTimeField(auto_now=True)),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("membership", "page", "name"), name="saved_filter_once"
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Project",
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
                                related_name="projects",
                                to="projects.workspace",
                            ),
                        ),
                        ("key", models.CharField(max_length=120)),
                        ("name", models.CharField(max_length=200)),
                        ("imported", models.BooleanField(default=False)),
                        ("created_at", models.DateTimeField(auto_now_add=True)),
                        ("archived_at", models.DateTimeField(blank=True, null=True)),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(fields=("workspace", "key"), name="project_key_once"),
                            models.CheckConstraint(
                                condition=models.Q(("key__regex", "^[^/\\s][^/]{0,118}$")),
                                name="project_key_plain",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Campaign",
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
                                related_name="campaigns",
                                to="projects.workspace",
                            ),
                        ),
                        (
                            "project",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="campaigns",
                                to="projects.project",
                            ),
                        ),
                        ("key", models.CharField(max_length=120)),
                        ("name", models.CharField(max_length=200)),
                        (
                            "seed_policy",
                            models.CharField(
                                choices=[
                                    ("campaign", "Locked by campaign"),
                                    ("deliverable", "Locked by deliverable"),
                                    ("free", "Free"),
                                ],
                                default="free",
                                max_length=12,
                            ),
                        ),
                        ("seed", models.BigIntegerField(blank=True, null=True)),
                        (
                            "palette",
                            django.contrib.postgres.fields.ArrayField(
                                base_field=models.CharField(max_length=7), blank=True, default=list, size=None
                            ),
                        ),
                        (
                            "drift_tolerance",
                            models.DecimalField(decimal_places=3, default="0.350", max_digits=4),
                        ),
                        ("starts_on", models.DateField(blank=True, null=True)),
                        ("ends_on", models.DateField(blank=True, null=True)),
                        ("job_number", models.CharField(blank=True, max_length=60)),
                        ("fee", models.DecimalField(blank=True, decimal_places=8, max_digits=20, null=True)),
                        (
                            "purchase_order",
                            models.CharField(blank=True, db_default="", default="", max_length=60),
                        ),
                        (
                            "cost_centre",
                            models.CharField(blank=True, db_default="", default="", max_length=36),
                        ),
                        ("imported", models.BooleanField(default=False)),
                        ("created_at", models.DateTimeField(auto_now_add=True)),
                        ("ended_at", models.DateTimeField(blank=True, null=True)),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(fields=("project", "key"), name="campaign_key_once"),
                            models.CheckConstraint(
                                condition=models.Q(("key__regex", "^[^/\\s][^/]{0,118}$")),
                                name="campaign_key_plain",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(("seed_policy", "campaign"), _negated=True),
                                    ("seed__isnull", False),
                                    _connector="OR",
                                ),
                                name="campaign_seed_when_locked",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("starts_on__isnull", True),
                                    ("ends_on__isnull", True),
                                    ("ends_on__gte", models.F("starts_on")),
                                    _connector="OR",
                                ),
                                name="campaign_ends_after_start",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Category",
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
                                related_name="categories",
                                to="projects.workspace",
                            ),
                        ),
                        ("key", models.CharField(max_length=120)),
                        ("name", models.CharField(max_length=120)),
                        (
                            "delivered_in",
                            models.CharField(choices=[("draft", "Draft"), ("hero", "Hero")], max_length=5),
                        ),
                        ("imported", models.BooleanField(default=False)),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(fields=("workspace", "key"), name="category_key_once"),
                            models.CheckConstraint(
                                condition=models.Q(("delivered_in__in", ["draft", "hero"])),
                                name="category_phase_known",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="CategoryTarget",
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
                        (
                            "category",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="targets",
                                to="projects.category",
                            ),
                        ),
                        ("amount", models.DecimalField(decimal_places=8, max_digits=20)),
                        ("starts_on", models.DateField()),
                        (
                            "set_by",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        ("set_at", models.DateTimeField(auto_now_add=True)),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("category", "starts_on"), name="category_target_once"
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Format",
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
                                related_name="formats",
                                to="projects.workspace",
                            ),
                        ),
                        ("key", models.CharField(max_length=40)),
                        ("name", models.CharField(max_length=80)),
                        ("width", models.PositiveIntegerField()),
                        ("height", models.PositiveIntegerField()),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(fields=("workspace", "key"), name="format_key_once"),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("height__range", (16, 8192)), ("width__range", (16, 8192))
                                ),
                                name="format_size_sane",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Batch",
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
                                related_name="batches",
                                to="projects.workspace",
                            ),
                        ),
                        (
                            "phase",
                            models.CharField(choices=[("draft", "Draft"), ("hero", "Hero")], max_length=5),
                        ),
                        (
                            "state",
                            models.CharField(
                                choices=[
                                    ("running", "In the making"),
                                    ("paused", "Paused"),
                                    ("stopped", "Stopped"),
                                    ("cancelled", "Cancelled"),
                                    ("finished", "Finished"),
                                ],
                                default="running",
                                max_length=9,
                            ),
                        ),
                        ("count", models.PositiveIntegerField()),
                        ("planned", models.PositiveIntegerField(default=0)),
                        ("asked", models.JSONField(default=dict)),
                        ("amount", models.DecimalField(decimal_places=8, default=0, max_digits=20)),
                        ("at_most", models.DecimalField(decimal_places=8, max_digits=20)),
                        (
                            "requested_by",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        ("requested_at", models.DateTimeField()),
                        (
                            "paused_by",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        ("paused_at", models.DateTimeField(null=True)),
                        (
                            "stopped_by",
                            models.CharField(
                                blank=True,
                                choices=[
                                    ("budget", "A budget has run out"),
                                    ("price", "The rest costs more than was confirmed"),
                                ],
                                max_length=6,
                            ),
                        ),
                        ("stopped_at", models.DateTimeField(null=True)),
                        ("stopped_words", models.CharField(blank=True, max_length=500)),
                        (
                            "cancelled_by",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        ("cancelled_at", models.DateTimeField(null=True)),
                        ("finished_at", models.DateTimeField(null=True)),
                    ],
                    options={
                        "indexes": [
                            models.Index(fields=["workspace", "requested_at"], name="batch_recent"),
                            models.Index(
                                condition=models.Q(("finished_at__isnull", True)),
                                fields=["requested_at"],
                                name="batch_open",
                            ),
                            models.Index(
                                condition=models.Q(("state", "paused")), fields=["id"], name="batch_paused"
                            ),
                        ],
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(("cancelled_at__isnull", True), ("cancelled_by__isnull", True)),
                                    models.Q(
                                        ("cancelled_at__isnull", False), ("cancelled_by__isnull", False)
                                    ),
                                    _connector="OR",
                                ),
                                name="batch_cancelled_by_and_at",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("state__in", ["running", "paused", "stopped", "cancelled", "finished"])
                                ),
                                name="batch_state_known",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(
                                        ("paused_at__isnull", False),
                                        ("paused_by__isnull", False),
                                        ("state", "paused"),
                                    ),
                                    models.Q(
                                        models.Q(("state", "paused"), _negated=True),
                                        ("paused_at__isnull", True),
                                        ("paused_by__isnull", True),
                                    ),
                                    _connector="OR",
                                ),
                                name="batch_paused_by_and_at",
                            ),
                            models.CheckConstraint(
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
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("state", "cancelled"), ("cancelled_at__isnull", True), _connector="OR"
                                ),
                                name="batch_cancelled_state",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="StandingRule",
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
                                related_name="standing_rules",
                                to="projects.workspace",
                            ),
                        ),
                        (
                            "project",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="standing_rules",
                                to="projects.project",
                            ),
                        ),
                        ("up_to", models.DecimalField(decimal_places=8, max_digits=20)),
                        (
                            "allowance",
                            models.DecimalField(blank=True, decimal_places=8, max_digits=20, null=True),
                        ),
                        ("until", models.DateTimeField(blank=True, null=True)),
                        ("note", models.CharField(blank=True, max_length=300)),
                        (
                            "set_by",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        ("set_at", models.DateTimeField()),
                        (
                            "ended_by",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        ("ended_at", models.DateTimeField(null=True)),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(
                                condition=models.Q(("ended_at__isnull", True)),
                                fields=("project",),
                                name="standing_rule_once",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("up_to__gt", 0)), name="standing_rule_amount"
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(
                                        ("allowance__gte", models.F("up_to")), ("allowance__isnull", False)
                                    ),
                                    models.Q(("allowance__isnull", True), ("until__isnull", False)),
                                    _connector="OR",
                                ),
                                name="standing_rule_is_bounded",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(("ended_at__isnull", True), ("ended_by__isnull", True)),
                                    models.Q(("ended_at__isnull", False), ("ended_by__isnull", False)),
                                    _connector="OR",
                                ),
                                name="standing_rule_ended_by_somebody",
                            ),
                        ],
                        "triggers": [
                            pgtrigger.compiler.Trigger(
                                name="standing_rule_is_kept",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    condition='WHEN (OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."workspace_id" IS DISTINCT FROM (NEW."workspace_id") OR OLD."project_id" IS DISTINCT FROM (NEW."project_id") OR OLD."up_to" IS DISTINCT FROM (NEW."up_to") OR OLD."allowance" IS DISTINCT FROM (NEW."allowance") OR OLD."until" IS DISTINCT FROM (NEW."until") OR OLD."note" IS DISTINCT FROM (NEW."note") OR OLD."set_by_id" IS DISTINCT FROM (NEW."set_by_id") OR OLD."set_at" IS DISTINCT FROM (NEW."set_at"))',
                                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                                    hash="8738efb7578da9a802c536d41eff900a5171a692",
                                    operation="UPDATE",
                                    pgid="pgtrigger_standing_rule_is_kept_191d3",
                                    table="projects_standingrule",
                                    when="BEFORE",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="standing_rule_no_truncate",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="RAISE EXCEPTION 'append-only: standing_rule cannot be truncated';",
                                    hash="e097b7ac7af479afc6aef89ee5ac5a94d1a71548",
                                    level="STATEMENT",
                                    operation="TRUNCATE",
                                    pgid="pgtrigger_standing_rule_no_truncate_74d22",
                                    table="projects_standingrule",
                                    when="BEFORE",
                                ),
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="StandingMonth",
                    fields=[
                        ("id", models.BigAutoField(primary_key=True, serialize=False)),
                        (
                            "project",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="projects.project",
                            ),
                        ),
                        ("month", models.CharField(max_length=7)),
                        ("allowance", models.DecimalField(decimal_places=8, max_digits=20, null=True)),
                        ("used", models.DecimalField(decimal_places=8, max_digits=20)),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(fields=("project", "month"), name="standing_month_once"),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("used__gte", 0),
                                    models.Q(
                                        ("allowance__isnull", True),
                                        ("used__lte", models.F("allowance")),
                                        _connector="OR",
                                    ),
                                ),
                                name="standing_allowance",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Asset",
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
                                related_name="assets",
                                to="projects.workspace",
                            ),
                        ),
                        (
                            "kind",
                            models.CharField(
                                choices=[
                                    ("image", "Picture"),
                                    ("video", "Video"),
                                    ("audio", "Sound"),
                                    ("text", "Text"),
                                ],
                                max_length=5,
                            ),
                        ),
                        ("sha256", models.CharField(max_length=64)),
                        ("media_type", models.CharField(max_length=80)),
                        ("size_bytes", models.BigIntegerField()),
                        ("width", models.PositiveIntegerField(null=True)),
                        ("height", models.PositiveIntegerField(null=True)),
                        ("duration_seconds", models.DecimalField(decimal_places=3, max_digits=12, null=True)),
                        ("name", models.CharField(max_length=120)),
                        ("created_at", models.DateTimeField(auto_now_add=True)),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(fields=("workspace", "sha256"), name="asset_once"),
                            models.CheckConstraint(
                                condition=models.Q(("sha256__regex", "^[0-9a-f]{64}$")),
                                name="asset_sha256_hex",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Deliverable",
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
                                related_name="deliverables",
                                to="projects.workspace",
                            ),
                        ),
                        (
                            "campaign",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="deliverables",
                                to="projects.campaign",
                            ),
                        ),
                        (
                            "category",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="deliverables",
                                to="projects.category",
                            ),
                        ),
                        (
                            "format",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="deliverables",
                                to="projects.format",
                            ),
                        ),
                        ("key", models.CharField(max_length=120)),
                        ("name", models.CharField(max_length=200)),
                        ("brief", models.TextField(blank=True)),
                        ("prompt_template", models.CharField(blank=True, max_length=140)),
                        ("variables", models.JSONField(blank=True, default=dict)),
                        ("cap", models.PositiveIntegerField(blank=True, null=True)),
                        ("hero_cap", models.PositiveIntegerField(blank=True, null=True)),
                        ("extra_drafts", models.PositiveIntegerField(default=0)),
                        ("extra_heroes", models.PositiveIntegerField(default=0)),
                        ("due_on", models.DateField(blank=True, null=True)),
                        ("imported", models.BooleanField(default=False)),
                        (
                            "created_by",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        ("created_at", models.DateTimeField()),
                        (
                            "state",
                            models.CharField(
                                choices=[
                                    ("open", "Open"),
                                    ("accepted", "Signed off"),
                                    ("written_off", "Dropped"),
                                ],
                                default="open",
                                max_length=12,
                            ),
                        ),
                        (
                            "board_column",
                            models.CharField(
                                choices=[
                                    ("brief", "To start"),
                                    ("making", "Making"),
                                    ("choosing", "To choose"),
                                    ("approval", "Spend approval"),
                                    ("review", "To sign off"),
                                    ("done", "Signed off"),
                                    ("dropped", "Dropped"),
                                ],
                                default="brief",
                                max_length=10,
                            ),
                        ),
                        ("take_count", models.PositiveIntegerField(default=0)),
                        ("drafts_used", models.PositiveIntegerField(default=0)),
                        ("heroes_used", models.PositiveIntegerField(default=0)),
                        (
                            "poster",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="projects.asset",
                            ),
                        ),
                        ("accepted_at", models.DateTimeField(blank=True, null=True)),
                        ("updated_at", models.DateTimeField(auto_now=True)),
                    ],
                    options={
                        "indexes": [
                            models.Index(
                                fields=["campaign", "board_column", "due_on", "key"], name="deliverable_board"
                            ),
                            models.Index(
                                fields=["workspace", "created_by", "board_column", "due_on"],
                                name="deliverable_mine",
                            ),
                            models.Index(
                                fields=["workspace", "board_column", "due_on"], name="deliverable_due"
                            ),
                        ],
                        "constraints": [
                            models.UniqueConstraint(fields=("campaign", "key"), name="deliverable_key_once"),
                            models.CheckConstraint(
                                condition=models.Q(("key__regex", "^[^/\\s][^/]{0,118}$")),
                                name="deliverable_key_plain",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("state__in", ["open", "accepted", "written_off"])),
                                name="deliverable_state_known",
                            ),
                        ],
                        "triggers": [
                            pgtrigger.compiler.Trigger(
                                name="deliverable_change_touches",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    condition='WHEN (OLD."campaign_id" IS DISTINCT FROM (NEW."campaign_id") OR OLD."category_id" IS DISTINCT FROM (NEW."category_id") OR OLD."created_at" IS DISTINCT FROM (NEW."created_at") OR OLD."due_on" IS DISTINCT FROM (NEW."due_on"))',
                                    func="\n    INSERT INTO projects_touch (workspace_id, deliverable_id) VALUES (NEW.workspace_id, NEW.id);\n    RETURN NULL;\n",
                                    hash="656a634a4a9bcde069d908579339cf88e77aa3f3",
                                    operation='UPDATE OF "campaign_id", "category_id", "due_on", "created_at"',
                                    pgid="pgtrigger_deliverable_change_touches_4a717",
                                    table="projects_deliverable",
                                    when="AFTER",
                                ),
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="ReferenceAnchor",
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
                        (
                            "campaign",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="anchors",
                                to="projects.campaign",
                            ),
                        ),
                        (
                            "asset",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="projects.asset",
                            ),
                        ),
                        ("label", models.CharField(blank=True, max_length=120)),
                        ("position", models.PositiveSmallIntegerField(default=0)),
                        (
                            "added_by",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        ("added_at", models.DateTimeField(auto_now_add=True)),
                        ("removed_at", models.DateTimeField(blank=True, null=True)),
                    ],
                ),
                migrations.CreateModel(
                    name="BatchCell",
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
                            "batch",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="cells",
                                to="projects.batch",
                            ),
                        ),
                        (
                            "deliverable",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="projects.deliverable",
                            ),
                        ),
                        ("row", models.PositiveSmallIntegerField()),
                        ("variant", models.PositiveSmallIntegerField()),
                        ("column", models.PositiveSmallIntegerField()),
                        ("request", models.JSONField()),
                        ("request_hash", models.CharField(max_length=64)),
                        ("routing_version", models.PositiveIntegerField()),
                        ("seed_policy", models.CharField(blank=True, max_length=12)),
                        (
                            "instead_of",
                            models.CharField(blank=True, db_default="", default="", max_length=200),
                        ),
                        ("more_takes", models.PositiveSmallIntegerField(default=0)),
                        ("expected", models.DecimalField(decimal_places=8, max_digits=20)),
                        ("at_most", models.DecimalField(decimal_places=8, max_digits=20)),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("batch", "row", "variant", "column"), name="batch_cell_once"
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Rendition",
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
                            "asset",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="renditions",
                                to="projects.asset",
                            ),
                        ),
                        (
                            "kind",
                            models.CharField(
                                choices=[
                                    ("thumbnail", "Thumbnail"),
                                    ("poster", "Poster"),
                                    ("proxy", "Proxy"),
                                ],
                                max_length=9,
                            ),
                        ),
                        ("media_type", models.CharField(max_length=80)),
                        ("width", models.PositiveIntegerField()),
                        ("height", models.PositiveIntegerField()),
                        ("size_bytes", models.BigIntegerField()),
                        ("name", models.CharField(max_length=120)),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(fields=("asset", "kind"), name="rendition_once")
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Round",
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
                        (
                            "deliverable",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="rounds",
                                to="projects.deliverable",
                            ),
                        ),
                        ("number", models.PositiveIntegerField()),
                        (
                            "batch",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="rounds",
                                to="projects.batch",
                            ),
                        ),
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
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("deliverable", "number"), name="round_number_once"
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Take",
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
                                related_name="takes",
                                to="projects.workspace",
                            ),
                        ),
                        (
                            "deliverable",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="takes",
                                to="projects.deliverable",
                            ),
                        ),
                        (
                            "round",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="takes",
                                to="projects.round",
                            ),
                        ),
                        ("number", models.PositiveIntegerField()),
                        (
                            "phase",
                            models.CharField(choices=[("draft", "Draft"), ("hero", "Hero")], max_length=5),
                        ),
                        (
                            "kind",
                            models.CharField(
                                choices=[
                                    ("generated", "Generated"),
                                    ("repaired", "Repaired"),
                                    ("uploaded", "Uploaded"),
                                ],
                                default="generated",
                                max_length=9,
                            ),
                        ),
                        (
                            "state",
                            models.CharField(
                                choices=[
                                    ("planned", "Planned"),
                                    ("queued", "Waiting"),
                                    ("rendering", "Rendering"),
                                    ("ready", "Ready"),
                                    ("failed", "Failed"),
                                    ("cancelled", "Cancelled"),
                                    ("stopped_by_budget", "Stopped by budget"),
                                ],
                                default="planned",
                                max_length=17,
                            ),
                        ),
                        (
                            "mark",
                            models.CharField(
                                blank=True,
                                choices=[
                                    ("", "Undecided"),
                                    ("selected", "Selected"),
                                    ("accepted", "Signed off"),
                                    ("rejected", "Rejected"),
                                ],
                                default="",
                                max_length=8,
                            ),
                        ),
                        ("starred", models.BooleanField(default=False)),
                        (
                            "source_take",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="repairs",
                                to="projects.take",
                            ),
                        ),
                        ("prompt", models.TextField(blank=True)),
                        ("seed", models.BigIntegerField(null=True)),
                        ("request_hash", models.CharField(blank=True, max_length=64)),
                        ("routing_version", models.PositiveIntegerField(null=True)),
                        (
                            "instead_of",
                            models.CharField(blank=True, db_default="", default="", max_length=200),
                        ),
                        ("made_with", models.CharField(blank=True, max_length=120)),
                        ("note", models.TextField(blank=True)),
                        (
                            "requested_by",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        ("requested_by_email", models.CharField(blank=True, max_length=254)),
                        ("requested_at", models.DateTimeField()),
                        ("position", models.BigIntegerField(default=0)),
                        ("started_at", models.DateTimeField(null=True)),
                        ("ended_at", models.DateTimeField(null=True)),
                        ("failure", models.CharField(blank=True, max_length=300)),
                        ("failure_class", models.CharField(blank=True, max_length=20)),
                        ("imported", models.BooleanField(default=False)),
                        ("counted_at", models.DateTimeField(null=True)),
                        ("failed_charged", models.BooleanField(default=False)),
                        ("tier", models.CharField(blank=True, max_length=12)),
                        ("provider", models.CharField(blank=True, max_length=40)),
                        ("model", models.CharField(blank=True, max_length=200)),
                        (
                            "poster",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="projects.asset",
                            ),
                        ),
                        ("progress", models.DecimalField(decimal_places=3, default=0, max_digits=4)),
                    ],
                    options={
                        "indexes": [
                            models.Index(
                                condition=models.Q(("state__in", ["planned", "queued", "rendering"])),
                                fields=["workspace", "requested_by", "requested_at"],
                                name="take_in_flight",
                            ),
                            models.Index(fields=["workspace", "requested_at"], name="take_recent"),
                            models.Index(
                                condition=models.Q(("instead_of__gt", "")),
                                fields=["workspace", "requested_at"],
                                name="take_route_overridden",
                            ),
                            models.Index(
                                condition=models.Q(("counted_at__isnull", False)),
                                fields=["deliverable", "counted_at"],
                                name="take_counted",
                            ),
                        ],
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("deliverable", "number"), name="take_number_once"
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    (
                                        "state__in",
                                        [
                                            "planned",
                                            "queued",
                                            "rendering",
                                            "ready",
                                            "failed",
                                            "cancelled",
                                            "stopped_by_budget",
                                        ],
                                    )
                                ),
                                name="take_state_known",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("number__gte", 1)), name="take_number_from_one"
                            ),
                        ],
                        "triggers": [
                            pgtrigger.compiler.Trigger(
                                name="take_touches",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="\n    INSERT INTO projects_touch (workspace_id, deliverable_id, person_id, starts_at, ends_at)\n    SELECT t.workspace_id, t.deliverable_id, t.requested_by_id, t.requested_at,\n           LEAST(t.ended_at, t.requested_at + make_interval(mins => w.waiting_cap_minutes::int))\n    FROM added t JOIN projects_workspace w ON w.id = t.workspace_id\n    WHERE t.state = 'ready' OR t.counted_at IS NOT NULL;\n    RETURN NULL;\n",
                                    hash="fb57ad54b01cc4496fb6d0c6e043b4398d6f3b9d",
                                    level="STATEMENT",
                                    operation="INSERT",
                                    pgid="pgtrigger_take_touches_448f4",
                                    referencing="REFERENCING NEW TABLE AS added ",
                                    table="projects_take",
                                    when="AFTER",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="take_change_touches",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="\n    INSERT INTO projects_touch (workspace_id, deliverable_id, person_id, starts_at, ends_at)\n    SELECT t.workspace_id, t.deliverable_id, t.requested_by_id, t.requested_at,\n           LEAST(t.ended_at, t.requested_at + make_interval(mins => w.waiting_cap_minutes::int))\n    FROM (\n        SELECT n.* FROM added n JOIN gone o ON o.id = n.id\n        WHERE (n.state = 'ready' OR n.counted_at IS NOT NULL OR o.state = 'ready' OR o.counted_at IS NOT NULL)\n          AND (n.state, n.counted_at, n.ended_at, n.requested_at, n.requested_by_id, n.phase, n.kind,\n               n.round_id, n.imported)\n              IS DISTINCT FROM\n              (o.state, o.counted_at, o.ended_at, o.requested_at, o.requested_by_id, o.phase, o.kind,\n               o.round_id, o.imported)\n        UNION ALL\n        SELECT o.* FROM added n JOIN gone o ON o.id = n.id\n        WHERE o.state = 'ready' AND (n.requested_at, n.requested_by_id, n.ended_at)\n              IS DISTINCT FROM (o.requested_at, o.requested_by_id, o.ended_at)\n    ) t JOIN projects_workspace w ON w.id = t.workspace_id;\n    RETURN NULL;\n",
                                    hash="1a96632f6fdf2be7bbb95ea8649324b65d26248e",
                                    level="STATEMENT",
                                    operation="UPDATE",
                                    pgid="pgtrigger_take_change_touches_c7d8f",
                                    referencing="REFERENCING OLD TABLE AS gone  NEW TABLE AS added ",
                                    table="projects_take",
                                    when="AFTER",
                                ),
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="BatchSlot",
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
                            "batch",
                            models.ForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="slots",
                                to="projects.batch",
                            ),
                        ),
                        (
                            "cell",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="slots",
                                to="projects.batchcell",
                            ),
                        ),
                        ("position", models.PositiveIntegerField()),
                        ("place", models.PositiveSmallIntegerField()),
                        (
                            "state",
                            models.CharField(
                                choices=[
                                    ("waiting", "Not yet asked for"),
                                    ("made", "Asked for"),
                                    ("refused", "Cannot be made"),
                                    ("stopped", "Stopped by budget"),
                                    ("cancelled", "Cancelled"),
                                ],
                                default="waiting",
                                max_length=9,
                            ),
                        ),
                        (
                            "take",
                            models.OneToOneField(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="slot",
                                to="projects.take",
                            ),
                        ),
                        ("why", models.CharField(blank=True, max_length=300)),
                    ],
                    options={
                        "indexes": [
                            models.Index(
                                condition=models.Q(("state", "waiting")),
                                fields=["batch", "position"],
                                name="batch_slot_waiting",
                            )
                        ],
                        "constraints": [
                            models.UniqueConstraint(fields=("batch", "position"), name="batch_slot_once"),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("state__in", ["waiting", "made", "refused", "stopped", "cancelled"])
                                ),
                                name="batch_slot_state_known",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(("state", "made"), ("take__isnull", False)),
                                    models.Q(
                                        models.Q(("state", "made"), _negated=True), ("take__isnull", True)
                                    ),
                                    _connector="OR",
                                ),
                                name="batch_slot_made_with_take",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="TakeAsset",
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
                            "take",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="take_assets",
                                to="projects.take",
                            ),
                        ),
                        (
                            "asset",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="take_assets",
                                to="projects.asset",
                            ),
                        ),
                        (
                            "role",
                            models.CharField(
                                choices=[
                                    ("step", "Step result"),
                                    ("output", "Result"),
                                    ("reference", "Reference"),
                                    ("source", "Source"),
                                ],
                                max_length=9,
                            ),
                        ),
                        ("step", models.CharField(blank=True, max_length=60)),
                        ("position", models.PositiveSmallIntegerField(default=0)),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("take", "role", "step", "position"), name="take_asset_once"
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Decision",
                    fields=[
                        ("sequence", models.BigAutoField(primary_key=True, serialize=False)),
                        (
                            "id",
                            models.UUIDField(
                                default=projects.identifiers.new_id, editable=False, unique=True
                            ),
                        ),
                        (
                            "workspace",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="decisions",
                                to="projects.workspace",
                            ),
                        ),
                        (
                            "campaign",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="decisions",
                                to="projects.campaign",
                            ),
                        ),
                        (
                            "deliverable",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="decisions",
                                to="projects.deliverable",
                            ),
                        ),
                        (
                            "take",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="decisions",
                                to="projects.take",
                            ),
                        ),
                        (
                            "decision",
                            models.CharField(
                                choices=[
                                    ("select", "Select"),
                                    ("accept", "Sign off"),
                                    ("reject", "Reject"),
                                    ("reverse", "Withdraw sign-off"),
                                    ("write_off", "Drop"),
                                    ("reopen", "Reopen"),
                                    ("end_campaign", "End campaign"),
                                ],
                                max_length=12,
                            ),
                        ),
                        (
                            "reasons",
                            django.contrib.postgres.fields.ArrayField(
                                base_field=models.CharField(
                                    choices=[
                                        ("identity_drift", "Identity drift"),
                                        ("motion", "Motion"),
                                        ("anatomy", "Anatomy"),
                                        ("artefact", "Artefact"),
                                        ("text_or_logo", "Text or logo"),
                                        ("off_brief", "Off brief"),
                                        ("brand_or_legal", "Brand or legal"),
                                        ("technical", "Technical"),
                                        ("brief_changed", "Brief changed"),
                                        ("other", "Other"),
                                    ],
                                    max_length=16,
                                ),
                                blank=True,
                                default=list,
                                size=None,
                            ),
                        ),
                        ("note", models.TextField(blank=True)),
                        ("as_is", models.BooleanField(default=False)),
                        ("money_saved", models.DecimalField(decimal_places=8, max_digits=20, null=True)),
                        (
                            "reverses",
                            models.OneToOneField(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="reversed_by",
                                to="projects.decision",
                            ),
                        ),
                        ("at", models.DateTimeField()),
                        (
                            "by",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        ("by_email", models.CharField(blank=True, max_length=254)),
                        ("imported", models.BooleanField(default=False)),
                        ("recorded_at", models.DateTimeField(auto_now_add=True)),
                    ],
                    options={
                        "indexes": [
                            models.Index(
                                fields=["deliverable", "at", "sequence"], name="decision_of_deliverable"
                            ),
                            models.Index(fields=["workspace", "decision", "at"], name="decision_by_kind"),
                            models.Index(fields=["take"], name="decision_of_take"),
                            models.Index(
                                condition=models.Q(("as_is", True)),
                                fields=["workspace", "at"],
                                name="decision_as_is",
                            ),
                        ],
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(
                                        ("decision__in", ["select", "accept", "reject", "reverse"]),
                                        ("take__isnull", False),
                                    ),
                                    models.Q(
                                        ("decision__in", ["write_off", "reopen"]),
                                        ("deliverable__isnull", False),
                                        ("take__isnull", True),
                                    ),
                                    models.Q(
                                        ("decision", "end_campaign"),
                                        ("deliverable__isnull", True),
                                        ("take__isnull", True),
                                    ),
                                    _connector="OR",
                                ),
                                name="decision_names_its_object",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("reverses__isnull", True),
                                    ("decision__in", ["reverse", "reopen"]),
                                    _connector="OR",
                                ),
                                name="decision_reverses_only_reversals",
                            ),
                        ],
                        "triggers": [
                            pgtrigger.compiler.Trigger(
                                name="decision_append_only",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                                    hash="11c8f45d072d4bc337da59e533a3ada4e8a2503f",
                                    operation="UPDATE OR DELETE",
                                    pgid="pgtrigger_decision_append_only_9f725",
                                    table="projects_decision",
                                    when="BEFORE",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="decision_no_truncate",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="RAISE EXCEPTION 'append-only: decision cannot be truncated';",
                                    hash="2a7537da67d97bce8f97fc125aed25995e147ef3",
                                    level="STATEMENT",
                                    operation="TRUNCATE",
                                    pgid="pgtrigger_decision_no_truncate_144f4",
                                    table="projects_decision",
                                    when="BEFORE",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="decision_touches",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="\n    INSERT INTO projects_touch (workspace_id, deliverable_id, person_id, starts_at, ends_at)\n    SELECT d.workspace_id, d.deliverable_id, CASE WHEN v.at IS NOT NULL THEN d.by_id END, v.at,\n           v.at + make_interval(mins => w.review_cap_minutes::int)\n    FROM added d JOIN projects_workspace w ON w.id = d.workspace_id\n    LEFT JOIN LATERAL (\n        SELECT max(v.at) AS at FROM projects_takeview v\n        WHERE v.take_id = d.take_id AND v.person_id = d.by_id AND v.at <= d.at\n          AND d.decision IN ('select', 'accept', 'reject')\n    ) v ON true\n    WHERE d.deliverable_id IS NOT NULL;\n    RETURN NULL;\n",
                                    hash="4c66f8952f5d825640a286f28fea93dd8cf656b8",
                                    level="STATEMENT",
                                    operation="INSERT",
                                    pgid="pgtrigger_decision_touches_6f33c",
                                    referencing="REFERENCING NEW TABLE AS added ",
                                    table="projects_decision",
                                    when="AFTER",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="decision_grammar",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    declare="DECLARE accepted bigint; dropped bigint;",
                                    func="\n    IF NEW.decision NOT IN ('accept', 'write_off', 'reverse', 'reopen') THEN\n        RETURN NEW;\n    END IF;\n    PERFORM 1 FROM projects_deliverable WHERE id = NEW.deliverable_id FOR UPDATE;\n    SELECT\n        count(*) FILTER (WHERE decision = 'accept') - count(*) FILTER (WHERE decision = 'reverse'),\n        count(*) FILTER (WHERE decision = 'write_off') - count(*) FILTER (WHERE decision = 'reopen')\n    INTO accepted, dropped\n    FROM projects_decision\n    WHERE deliverable_id = NEW.deliverable_id\n      AND decision IN ('accept', 'write_off', 'reverse', 'reopen');\n    IF (NEW.decision IN ('accept', 'write_off') AND accepted + dropped <> 0)\n       OR (NEW.decision = 'reverse' AND accepted <> 1)\n       OR (NEW.decision = 'reopen' AND dropped <> 1) THEN\n        RAISE EXCEPTION 'grammar of decisions: % on deliverable %', NEW.decision, NEW.deliverable_id\n            USING ERRCODE = 'check_violation', CONSTRAINT = 'decision_grammar';\n    END IF;\n    RETURN NEW;\n",
                                    hash="3a0fddf67fc6e7b1cff1d2c5b80e717ff6282d31",
                                    operation="INSERT",
                                    pgid="pgtrigger_decision_grammar_117ba",
                                    table="projects_decision",
                                    when="BEFORE",
                                ),
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="HeroRequest",
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
                                related_name="hero_requests",
                                to="projects.workspace",
                            ),
                        ),
                        (
                            "deliverable",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="hero_requests",
                                to="projects.deliverable",
                            ),
                        ),
                        (
                            "take",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="hero_requests",
                                to="projects.take",
                            ),
                        ),
                        (
                            "state",
                            models.CharField(
                                choices=[
                                    ("waiting", "Waiting"),
                                    ("approved", "Approved"),
                                    ("declined", "Declined"),
                                    ("void", "Void"),
                                ],
                                default="waiting",
                                max_length=8,
                            ),
                        ),
                        ("request", models.JSONField()),
                        ("request_hash", models.CharField(max_length=64)),
                        ("routing_version", models.PositiveIntegerField()),
                        ("price_rows", models.JSONField(default=list)),
                        ("quote", models.JSONField()),
                        ("shown_amount", models.DecimalField(decimal_places=8, max_digits=20)),
                        ("at_most", models.DecimalField(decimal_places=8, max_digits=20)),
                        ("note", models.TextField(blank=True)),
                        (
                            "requested_by",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        ("requested_at", models.DateTimeField()),
                        ("decided_at", models.DateTimeField(null=True)),
                        ("submit_at", models.DateTimeField(null=True)),
                        ("self_approved", models.BooleanField(default=False)),
                        (
                            "standing_rule",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="requests",
                                to="projects.standingrule",
                            ),
                        ),
                        ("void_reason", models.CharField(blank=True, max_length=200)),
                        (
                            "hero_take",
                            models.OneToOneField(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="hero_request",
                                to="projects.take",
                            ),
                        ),
                    ],
                    options={
                        "indexes": [
                            models.Index(
                                condition=models.Q(("state", "waiting")),
                                fields=["workspace", "requested_at"],
                                name="hero_request_waiting",
                            ),
                            models.Index(
                                condition=models.Q(("state", "approved")),
                                fields=["workspace", "submit_at"],
                                name="hero_request_approved",
                            ),
                            models.Index(
                                condition=models.Q(("self_approved", True)),
                                fields=["workspace", "decided_at"],
                                name="hero_request_self_approved",
                            ),
                            models.Index(
                                condition=models.Q(("standing_rule__isnull", False)),
                                fields=["workspace", "decided_at"],
                                name="hero_request_by_rule",
                            ),
                        ],
                        "constraints": [
                            models.UniqueConstraint(
                                condition=models.Q(("state", "waiting")),
                                fields=("take", "request_hash"),
                                name="hero_request_waits_once",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("state__in", ["waiting", "approved", "declined", "void"])
                                ),
                                name="hero_request_state_known",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(("decided_at__isnull", True), ("state", "waiting")),
                                    models.Q(
                                        models.Q(("state", "waiting"), _negated=True),
                                        ("decided_at__isnull", False),
                                    ),
                                    _connector="OR",
                                ),
                                name="hero_request_decided_when_not_waiting",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("standing_rule__isnull", True),
                                    models.Q(("self_approved", False), ("state", "approved")),
                                    _connector="OR",
                                ),
                                name="hero_request_by_rule_is_approved",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="HeroDecision",
                    fields=[
                        ("sequence", models.BigAutoField(primary_key=True, serialize=False)),
                        (
                            "id",
                            models.UUIDField(
                                default=projects.identifiers.new_id, editable=False, unique=True
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
                        (
                            "hero_request",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="decisions",
                                to="projects.herorequest",
                            ),
                        ),
                        (
                            "decision",
                            models.CharField(
                                choices=[
                                    ("approve", "Approve spend"),
                                    ("decline", "Ask for changes"),
                                    ("undo", "Undo"),
                                ],
                                max_length=8,
                            ),
                        ),
                        ("note", models.TextField(blank=True)),
                        ("amount", models.DecimalField(decimal_places=8, max_digits=20, null=True)),
                        (
                            "standing_rule",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="decisions",
                                to="projects.standingrule",
                            ),
                        ),
                        (
                            "by",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        ("at", models.DateTimeField()),
                    ],
                    options={
                        "triggers": [
                            pgtrigger.compiler.Trigger(
                                name="hero_decision_append_only",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                                    hash="3a04f9391539ccef23007a8de691fefa843b10a4",
                                    operation="UPDATE OR DELETE",
                                    pgid="pgtrigger_hero_decision_append_only_8caf8",
                                    table="projects_herodecision",
                                    when="BEFORE",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="hero_decision_no_truncate",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="RAISE EXCEPTION 'append-only: hero_decision cannot be truncated';",
                                    hash="f6f9334ac0db823eedddaf534224830cdd8e9c23",
                                    level="STATEMENT",
                                    operation="TRUNCATE",
                                    pgid="pgtrigger_hero_decision_no_truncate_a45e2",
                                    table="projects_herodecision",
                                    when="BEFORE",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="hero_decision_by_rule",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    condition="WHEN (NEW.standing_rule_id IS NOT NULL)",
                                    declare="DECLARE rule record; asked record; before record;",
                                    func="\n    SELECT r.*, w.time_zone INTO rule\n    FROM projects_standingrule r JOIN projects_workspace w ON w.id = r.workspace_id\n    WHERE r.id = NEW.standing_rule_id FOR SHARE OF r;\n    IF NEW.decision = 'approve' THEN\n        SELECT h.requested_by_id, c.project_id INTO asked\n        FROM projects_herorequest h\n        JOIN projects_deliverable d ON d.id = h.deliverable_id\n        JOIN projects_campaign c ON c.id = d.campaign_id\n        WHERE h.id = NEW.hero_request_id;\n        IF NEW.amount IS NULL OR NEW.amount > rule.up_to OR asked.project_id <> rule.project_id\n           OR asked.requested_by_id = rule.set_by_id OR NEW.by_id <> rule.set_by_id\n           OR rule.ended_at IS NOT NULL OR rule.until <= NEW.at THEN\n            RAISE EXCEPTION 'the standing rule % does not cover this', rule.id\n                USING ERRCODE = 'check_violation', CONSTRAINT = 'standing_rule_covers';\n        END IF;\n        INSERT INTO projects_standingmonth AS m (project_id, month, allowance, used)\n        VALUES (rule.project_id, to_char(NEW.at AT TIME ZONE rule.time_zone, 'YYYY-MM'),\n                rule.allowance, NEW.amount)\n        ON CONFLICT (project_id, month) DO UPDATE\n            SET used = m.used + EXCLUDED.used, allowance = EXCLUDED.allowance;\n    ELSIF NEW.decision = 'undo' THEN\n        SELECT d.* INTO before FROM projects_herodecision d\n        WHERE d.hero_request_id = NEW.hero_request_id AND d.sequence < NEW.sequence\n        ORDER BY d.sequence DESC LIMIT 1;\n        IF before.decision IS DISTINCT FROM 'approve'\n           OR before.standing_rule_id IS DISTINCT FROM NEW.standing_rule_id THEN\n            RAISE EXCEPTION 'nothing was approved by the standing rule %', rule.id\n                USING ERRCODE = 'check_violation', CONSTRAINT = 'standing_rule_covers';\n        END IF;\n        UPDATE projects_standingmonth SET used = used - before.amount\n        WHERE project_id = rule.project_id\n          AND month = to_char(before.at AT TIME ZONE rule.time_zone, 'YYYY-MM');\n    END IF;\n    RETURN NULL;\n",
                                    hash="734ef3cc02a576ff7f97b333232d127b619981ea",
                                    operation="INSERT",
                                    pgid="pgtrigger_hero_decision_by_rule_66ddd",
                                    table="projects_herodecision",
                                    when="AFTER",
                                ),
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="CapRequest",
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
                                related_name="cap_requests",
                                to="projects.workspace",
                            ),
                        ),
                        (
                            "deliverable",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="cap_requests",
                                to="projects.deliverable",
                            ),
                        ),
                        (
                            "phase",
                            models.CharField(
                                choices=[("draft", "Draft"), ("hero", "Hero")], default="draft", max_length=5
                            ),
                        ),
                        ("more", models.PositiveSmallIntegerField()),
                        ("reason", models.TextField()),
                        ("at_most", models.DecimalField(decimal_places=8, max_digits=20, null=True)),
                        (
                            "state",
                            models.CharField(
                                choices=[
                                    ("waiting", "Waiting"),
                                    ("approved", "Approved"),
                                    ("declined", "Declined"),
                                    ("void", "Void"),
                                ],
                                default="waiting",
                                max_length=8,
                            ),
                        ),
                        (
                            "requested_by",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        ("requested_at", models.DateTimeField()),
                        ("decided_at", models.DateTimeField(null=True)),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(
                                condition=models.Q(("state", "waiting")),
                                fields=("deliverable", "phase"),
                                name="cap_request_waits_once",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("more__range", (1, 100))), name="cap_request_more_sane"
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="CapDecision",
                    fields=[
                        ("sequence", models.BigAutoField(primary_key=True, serialize=False)),
                        (
                            "id",
                            models.UUIDField(
                                default=projects.identifiers.new_id, editable=False, unique=True
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
                        (
                            "cap_request",
                            models.OneToOneField(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="decision",
                                to="projects.caprequest",
                            ),
                        ),
                        (
                            "decision",
                            models.CharField(
                                choices=[("grant", "Grant"), ("decline", "Decline")], max_length=8
                            ),
                        ),
                        ("note", models.TextField(blank=True)),
                        (
                            "by",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        ("at", models.DateTimeField()),
                    ],
                    options={
                        "indexes": [
                            models.Index(
                                condition=models.Q(("decision", "grant")),
                                fields=["workspace", "at"],
                                name="cap_decision_granted",
                            )
                        ],
                        "triggers": [
                            pgtrigger.compiler.Trigger(
                                name="cap_decision_append_only",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                                    hash="02e330ab3edef540ec336a667aac9896720f3bf5",
                                    operation="UPDATE OR DELETE",
                                    pgid="pgtrigger_cap_decision_append_only_13f86",
                                    table="projects_capdecision",
                                    when="BEFORE",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="cap_decision_no_truncate",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="RAISE EXCEPTION 'append-only: cap_decision cannot be truncated';",
                                    hash="eae86ef509e30f3b74d3875307fd49e425c42469",
                                    level="STATEMENT",
                                    operation="TRUNCATE",
                                    pgid="pgtrigger_cap_decision_no_truncate_af01a",
                                    table="projects_capdecision",
                                    when="BEFORE",
                                ),
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Event",
                    fields=[
                        ("id", models.BigAutoField(primary_key=True, serialize=False)),
                        (
                            "workspace",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="events",
                                to="projects.workspace",
                            ),
                        ),
                        ("at", models.DateTimeField()),
                        ("kind", models.CharField(max_length=40)),
                        (
                            "person",
                            models.ForeignKey(
                                db_index=False,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "project",
                            models.ForeignKey(
                                db_index=False,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="projects.project",
                            ),
                        ),
                        (
                            "campaign",
                            models.ForeignKey(
                                db_index=False,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="projects.campaign",
                            ),
                        ),
                        (
                            "deliverable",
                            models.ForeignKey(
                                db_index=False,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="projects.deliverable",
                            ),
                        ),
                        (
                            "take",
                            models.ForeignKey(
                                db_index=False,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="projects.take",
                            ),
                        ),
                        ("data", models.JSONField(default=dict)),
                    ],
                    options={
                        "indexes": [
                            models.Index(fields=["workspace", "at", "id"], name="event_of_workspace"),
                            models.Index(
                                condition=models.Q(("deliverable__isnull", False)),
                                fields=["deliverable", "at"],
                                name="event_of_deliverable",
                            ),
                            models.Index(
                                condition=models.Q(("kind__startswith", "budget.")),
                                fields=["workspace", "at"],
                                name="event_of_budgets",
                            ),
                        ],
                        "triggers": [
                            pgtrigger.compiler.Trigger(
                                name="event_append_only",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                                    hash="ac1ec8d28a600f704b21ef14219a0da139a5b300",
                                    operation="UPDATE OR DELETE",
                                    pgid="pgtrigger_event_append_only_2d93d",
                                    table="projects_event",
                                    when="BEFORE",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="event_no_truncate",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="RAISE EXCEPTION 'append-only: event cannot be truncated';",
                                    hash="dc116d8d3bef93cb31b87d626aa55e3b61221e59",
                                    level="STATEMENT",
                                    operation="TRUNCATE",
                                    pgid="pgtrigger_event_no_truncate_325d8",
                                    table="projects_event",
                                    when="BEFORE",
                                ),
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="TakeView",
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
                        (
                            "take",
                            models.ForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="views",
                                to="projects.take",
                            ),
                        ),
                        (
                            "person",
                            models.ForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        ("at", models.DateTimeField()),
                    ],
                    options={
                        "indexes": [
                            models.Index(fields=["take", "person", "at"], name="take_view_of_take"),
                            models.Index(fields=["workspace", "at"], name="take_view_of_workspace"),
                        ],
                        "triggers": [
                            pgtrigger.compiler.Trigger(
                                name="take_view_append_only",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                                    hash="e8c00d403fcc53a8db000757c010cf86a135e4aa",
                                    operation="UPDATE OR DELETE",
                                    pgid="pgtrigger_take_view_append_only_0adb5",
                                    table="projects_takeview",
                                    when="BEFORE",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="take_view_no_truncate",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="RAISE EXCEPTION 'append-only: take_view cannot be truncated';",
                                    hash="024b8baf1f54d024e98b29e9dc41c9d75ad2acbd",
                                    level="STATEMENT",
                                    operation="TRUNCATE",
                                    pgid="pgtrigger_take_view_no_truncate_be9aa",
                                    table="projects_takeview",
                                    when="BEFORE",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="take_view_touches",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="\n    INSERT INTO projects_touch (workspace_id, deliverable_id, person_id, starts_at, ends_at)\n    SELECT v.workspace_id, t.deliverable_id, v.person_id, COALESCE(o.at, v.at),\n           v.at + make_interval(mins => w.review_cap_minutes::int)\n    FROM added v\n    JOIN projects_take t ON t.id = v.take_id\n    JOIN projects_workspace w ON w.id = v.workspace_id\n    CROSS JOIN LATERAL (\n        SELECT max(o.at) AS at FROM projects_takeview o\n        WHERE o.take_id = v.take_id AND o.person_id = v.person_id AND o.at < v.at\n    ) o\n    WHERE EXISTS (\n        SELECT FROM projects_decision d\n        WHERE d.take_id = v.take_id AND d.by_id = v.person_id AND d.at >= v.at\n    );\n    RETURN NULL;\n",
                                    hash="382e291854d41ed06f39fdf1705bf127b235e11a",
                                    level="STATEMENT",
                                    operation="INSERT",
                                    pgid="pgtrigger_take_view_touches_0519f",
                                    referencing="REFERENCING NEW TABLE AS added ",
                                    table="projects_takeview",
                                    when="AFTER",
                                ),
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="TimeLog",
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
                        (
                            "campaign",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="projects.campaign",
                            ),
                        ),
                        (
                            "deliverable",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="projects.deliverable",
                            ),
                        ),
                        (
                            "take",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="projects.take",
                            ),
                        ),
                        (
                            "person",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        ("person_email", models.CharField(blank=True, max_length=254)),
                        (
                            "role",
                            models.CharField(
                                blank=True,
                                choices=[
                                    ("producer", "Producer"),
                                    ("reviewer", "Reviewer"),
                                    ("manager", "Manager"),
                                    ("finance", "Finance"),
                                    ("admin", "Admin"),
                                    ("viewer", "Viewer"),
                                ],
                                max_length=12,
                            ),
                        ),
                        ("started_at", models.DateTimeField()),
                        ("minutes", models.DecimalField(decimal_places=3, max_digits=10, null=True)),
                        ("amount", models.DecimalField(decimal_places=8, max_digits=20, null=True)),
                        ("external_id", models.CharField(blank=True, max_length=120)),
                        ("phase", models.CharField(blank=True, max_length=5)),
                        ("tier", models.CharField(blank=True, max_length=12)),
                        ("provider", models.CharField(blank=True, max_length=40)),
                        ("model", models.CharField(blank=True, max_length=200)),
                        (
                            "kind",
                            models.CharField(
                                blank=True,
                                choices=[
                                    ("briefing", "Briefing"),
                                    ("making", "Making"),
                                    ("review", "Review"),
                                    ("editing", "Editing by hand"),
                                    ("meeting", "Meeting"),
                                    ("other", "Other"),
                                ],
                                db_default="",
                                default="",
                                max_length=8,
                            ),
                        ),
                        (
                            "reverses",
                            models.OneToOneField(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="reversed_by",
                                to="projects.timelog",
                            ),
                        ),
                        ("note", models.CharField(blank=True, max_length=200)),
                        (
                            "logged_by",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        ("logged_at", models.DateTimeField(auto_now_add=True)),
                    ],
                    options={
                        "indexes": [
                            models.Index(fields=["workspace", "started_at"], name="time_log_of_workspace"),
                            models.Index(
                                condition=models.Q(("minutes__isnull", False)),
                                fields=["workspace", "started_at"],
                                name="time_log_of_minutes",
                            ),
                            models.Index(fields=["person", "started_at"], name="time_log_of_person"),
                        ],
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(("amount__isnull", True), ("minutes__isnull", False)),
                                    models.Q(("amount__isnull", False), ("minutes__isnull", True)),
                                    _connector="OR",
                                ),
                                name="time_log_minutes_or_amount",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("reverses__isnull", True), ("minutes__isnull", False), _connector="OR"
                                ),
                                name="time_log_reverses_minutes",
                            ),
                        ],
                        "triggers": [
                            pgtrigger.compiler.Trigger(
                                name="time_log_append_only",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                                    hash="2d15d783c1c37baf61326ee88450d4526d2a7045",
                                    operation="UPDATE OR DELETE",
                                    pgid="pgtrigger_time_log_append_only_e77b5",
                                    table="projects_timelog",
                                    when="BEFORE",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="time_log_no_truncate",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="RAISE EXCEPTION 'append-only: time_log cannot be truncated';",
                                    hash="b0ee027d35383e0d6fe8629ef00985e7103d98f4",
                                    level="STATEMENT",
                                    operation="TRUNCATE",
                                    pgid="pgtrigger_time_log_no_truncate_7d910",
                                    table="projects_timelog",
                                    when="BEFORE",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="time_log_touches",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="\n    INSERT INTO projects_touch (workspace_id, deliverable_id, person_id, starts_at, ends_at)\n    SELECT l.workspace_id, l.deliverable_id,\n           COALESCE(l.person_id, '00000000-0000-0000-0000-000000000000'::uuid), l.started_at,\n           l.started_at + l.minutes::float8 * interval '1 minute'\n    FROM added l WHERE l.deliverable_id IS NOT NULL AND l.minutes IS NOT NULL\n    UNION ALL\n    SELECT DISTINCT l.workspace_id, l.deliverable_id, NULL::uuid, NULL::timestamptz, NULL::timestamptz\n    FROM added l WHERE l.deliverable_id IS NOT NULL AND l.minutes IS NULL\n    UNION ALL\n    SELECT l.workspace_id, t.deliverable_id, l.person_id, v.at,\n           v.at + make_interval(mins => w.review_cap_minutes::int)\n    FROM added l\n    JOIN projects_workspace w ON w.id = l.workspace_id\n    JOIN projects_take t ON t.id = l.take_id\n    JOIN projects_takeview v ON v.take_id = l.take_id AND v.person_id = l.person_id\n    WHERE l.minutes IS NOT NULL;\n    RETURN NULL;\n",
                                    hash="96bc6dd43af5631c375583d88af38eeab1c9a844",
                                    level="STATEMENT",
                                    operation="INSERT",
                                    pgid="pgtrigger_time_log_touches_338cf",
                                    referencing="REFERENCING NEW TABLE AS added ",
                                    table="projects_timelog",
                                    when="AFTER",
                                ),
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="TakeNote",
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
                                related_name="notes",
                                to="projects.take",
                            ),
                        ),
                        ("frame", models.PositiveIntegerField(null=True)),
                        ("body", models.TextField()),
                        (
                            "by",
                            models.ForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        ("at", models.DateTimeField()),
                    ],
                    options={
                        "triggers": [
                            pgtrigger.compiler.Trigger(
                                name="take_note_append_only",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                                    hash="959f28aede4992e6039e7d200368486bb7edceee",
                                    operation="UPDATE OR DELETE",
                                    pgid="pgtrigger_take_note_append_only_9c445",
                                    table="projects_takenote",
                                    when="BEFORE",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="take_note_no_truncate",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="RAISE EXCEPTION 'append-only: take_note cannot be truncated';",
                                    hash="6ebf3627605646fcd68a14d4d23b5f0fb1517951",
                                    level="STATEMENT",
                                    operation="TRUNCATE",
                                    pgid="pgtrigger_take_note_no_truncate_6f9c1",
                                    table="projects_takenote",
                                    when="BEFORE",
                                ),
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Notice",
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
                        (
                            "membership",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="notices",
                                to="projects.membership",
                            ),
                        ),
                        (
                            "kind",
                            models.CharField(
                                choices=[
                                    ("approval_waiting", "An approval waits for me"),
                                    ("request_decided", "My request was decided"),
                                    ("hero_ready", "A hero take is ready to sign off"),
                                    ("batch_finished", "My batch has finished"),
                                    ("batch_stopped", "My batch has stopped"),
                                    ("budget_80", "A budget nears its limit"),
                                    ("budget_100", "A budget is used up"),
                                    ("take_waits", "A take waits for a person"),
                                    ("model_leaving", "A model that we route to is leaving"),
                                    ("month_ended", "A month has ended (to finance, with the statement)"),
                                    (
                                        "month_waits",
                                        "A month waits to be reviewed, signed or closed (to finance)",
                                    ),
                                ],
                                max_length=20,
                            ),
                        ),
                        ("title", models.CharField(max_length=200)),
                        ("body", models.TextField(blank=True)),
                        ("url", models.CharField(blank=True, max_length=300)),
                        ("dedupe", models.CharField(max_length=120)),
                        ("in_page", models.BooleanField(default=True)),
                        ("by_mail", models.BooleanField(default=True)),
                        ("created_at", models.DateTimeField()),
                        ("read_at", models.DateTimeField(null=True)),
                        ("mailed_at", models.DateTimeField(null=True)),
                        ("mail_attempts", models.PositiveSmallIntegerField(default=0)),
                    ],
                    options={
                        "indexes": [
                            models.Index(
                                condition=models.Q(("in_page", True), ("read_at__isnull", True)),
                                fields=["membership", "created_at"],
                                name="notice_unread",
                            ),
                            models.Index(
                                condition=models.Q(("by_mail", True), ("mailed_at__isnull", True)),
                                fields=["created_at"],
                                name="notice_to_mail",
                            ),
                        ],
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("membership", "kind", "dedupe"), name="notice_once"
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="NoticePreference",
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
                            "membership",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="notice_preferences",
                                to="projects.membership",
                            ),
                        ),
                        (
                            "kind",
                            models.CharField(
                                choices=[
                                    ("approval_waiting", "An approval waits for me"),
                                    ("request_decided", "My request was decided"),
                                    ("hero_ready", "A hero take is ready to sign off"),
                                    ("batch_finished", "My batch has finished"),
                                    ("batch_stopped", "My batch has stopped"),
                                    ("budget_80", "A budget nears its limit"),
                                    ("budget_100", "A budget is used up"),
                                    ("take_waits", "A take waits for a person"),
                                    ("model_leaving", "A model that we route to is leaving"),
                                    ("month_ended", "A month has ended (to finance, with the statement)"),
                                    (
                                        "month_waits",
                                        "A month waits to be reviewed, signed or closed (to finance)",
                                    ),
                                ],
                                max_length=20,
                            ),
                        ),
                        ("in_page", models.BooleanField(default=True)),
                        ("by_mail", models.BooleanField(default=True)),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("membership", "kind"), name="notice_preference_once"
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Touch",
                    fields=[
                        ("id", models.BigAutoField(primary_key=True, serialize=False)),
                        (
                            "workspace",
                            models.ForeignKey(
                                db_constraint=False,
                                db_index=False,
                                on_delete=django.db.models.deletion.DO_NOTHING,
                                related_name="+",
                                to="projects.workspace",
                            ),
                        ),
                        (
                            "deliverable",
                            models.ForeignKey(
                                db_constraint=False,
                                db_index=False,
                                null=True,
                                on_delete=django.db.models.deletion.DO_NOTHING,
                                related_name="+",
                                to="projects.deliverable",
                            ),
                        ),
                        (
                            "person",
                            models.ForeignKey(
                                db_constraint=False,
                                db_index=False,
                                null=True,
                                on_delete=django.db.models.deletion.DO_NOTHING,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        ("starts_at", models.DateTimeField(null=True)),
                        ("ends_at", models.DateTimeField(null=True)),
                    ],
                    options={
                        "indexes": [models.Index(fields=["workspace", "id"], name="touch_of_workspace")],
                    },
                ),
            ]
        ),
    ]
