"""The tables of routing."""

import django.db.models.deletion
import pgtrigger.compiler
from django.conf import settings
from django.db import migrations, models

import projects.identifiers
import projects.schema


class Migration(migrations.Migration):
    replaces = [
        ("routing", "0001_initial"),
        ("routing", "0002_breaker_changes"),
        ("routing", "0003_model_endings"),
        ("routing", "0004_credit_units"),
    ]

    initial = True

    dependencies = [
        ("projects", "0001_squashed_0017_budget_notices"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        projects.schema.CreateModels(
            [
                migrations.CreateModel(
                    name="CatalogueModel",
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
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="own_models",
                                to="projects.workspace",
                            ),
                        ),
                        ("key", models.CharField(max_length=200)),
                        ("name", models.CharField(max_length=120)),
                        ("vendor", models.CharField(blank=True, max_length=80)),
                        ("provider", models.CharField(max_length=40)),
                        ("endpoint", models.CharField(max_length=160)),
                        ("kinds", models.JSONField(default=list)),
                        ("capabilities", models.JSONField(default=dict)),
                        (
                            "tier",
                            models.CharField(
                                blank=True,
                                choices=[
                                    ("cinematic", "Cinematic"),
                                    ("speed", "Speed"),
                                    ("budget", "Economy tier"),
                                    ("character", "Character stability"),
                                    ("refine", "Refine"),
                                    ("text", "Text"),
                                ],
                                max_length=12,
                            ),
                        ),
                        ("unit", models.CharField(blank=True, max_length=14)),
                        (
                            "amount",
                            models.DecimalField(blank=True, decimal_places=8, max_digits=20, null=True),
                        ),
                        (
                            "first_amount",
                            models.DecimalField(blank=True, decimal_places=8, max_digits=20, null=True),
                        ),
                        ("currency", models.CharField(blank=True, max_length=47)),
                        ("conditions", models.CharField(blank=True, max_length=300)),
                        ("available_until", models.DateField(blank=True, null=True)),
                        ("source", models.CharField(blank=True, max_length=400)),
                        ("note", models.CharField(blank=True, max_length=400)),
                        ("imported", models.BooleanField(default=False)),
                    ],
                    options={
                        "indexes": [models.Index(fields=["provider", "endpoint"], name="catalogue_endpoint")],
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("workspace", "key"), name="catalogue_key_once", nulls_distinct=False
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="ModelEnding",
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
                        ("model_key", models.CharField(max_length=200)),
                        (
                            "origin",
                            models.CharField(
                                choices=[
                                    ("hand", "Entered by hand"),
                                    ("published", "Published by the provider"),
                                    ("answered", "Answered by the provider"),
                                ],
                                max_length=9,
                            ),
                        ),
                        ("available_until", models.DateField(null=True)),
                        ("source", models.CharField(max_length=400)),
                        (
                            "set_by",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        ("set_at", models.DateTimeField()),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("workspace", "model_key", "origin"), name="model_ending_once"
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(("origin", "hand"), ("set_by__isnull", False)),
                                    models.Q(
                                        ("origin__in", ["published", "answered"]),
                                        ("available_until__isnull", False),
                                    ),
                                    _connector="OR",
                                ),
                                name="model_ending_by_hand_or_dated",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="ModelHealth",
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
                        ("model_key", models.CharField(max_length=200)),
                        (
                            "state",
                            models.CharField(
                                choices=[("closed", "Closed"), ("open", "Open"), ("half_open", "Probing")],
                                default="closed",
                                max_length=9,
                            ),
                        ),
                        ("changed_at", models.DateTimeField()),
                        ("retry_at", models.DateTimeField(null=True)),
                        ("probe_spent", models.DecimalField(decimal_places=8, default=0, max_digits=20)),
                        ("reason", models.CharField(blank=True, max_length=200)),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("workspace", "model_key"), name="model_health_once"
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="HealthSample",
                    fields=[
                        ("id", models.BigAutoField(primary_key=True, serialize=False)),
                        (
                            "workspace",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="projects.workspace",
                            ),
                        ),
                        ("model_key", models.CharField(max_length=200)),
                        ("minute", models.DateTimeField()),
                        ("calls", models.PositiveIntegerField(default=0)),
                        ("failures", models.PositiveIntegerField(default=0)),
                        ("seconds", models.DecimalField(decimal_places=3, default=0, max_digits=14)),
                        ("errors", models.JSONField(default=dict)),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("workspace", "model_key", "minute"), name="health_sample_once"
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="BreakerChange",
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
                        ("model_key", models.CharField(max_length=200)),
                        ("at", models.DateTimeField()),
                        (
                            "before",
                            models.CharField(
                                choices=[("closed", "Closed"), ("open", "Open"), ("half_open", "Probing")],
                                max_length=9,
                            ),
                        ),
                        (
                            "after",
                            models.CharField(
                                choices=[("closed", "Closed"), ("open", "Open"), ("half_open", "Probing")],
                                max_length=9,
                            ),
                        ),
                        ("reason", models.CharField(max_length=200)),
                        ("error_class", models.CharField(blank=True, max_length=20)),
                        ("calls", models.PositiveIntegerField(default=0)),
                        ("failures", models.PositiveIntegerField(default=0)),
                        ("retry_at", models.DateTimeField(null=True)),
                    ],
                    options={
                        "indexes": [
                            models.Index(fields=["workspace", "at"], name="breaker_change_of_workspace")
                        ],
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(("before", models.F("after")), _negated=True),
                                name="breaker_change_moves",
                            )
                        ],
                        "triggers": [
                            pgtrigger.compiler.Trigger(
                                name="breaker_change_append_only",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                                    hash="2b5a76261f526252cd19ec3d098f72b136287725",
                                    operation="UPDATE OR DELETE",
                                    pgid="pgtrigger_breaker_change_append_only_e266b",
                                    table="routing_breakerchange",
                                    when="BEFORE",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="breaker_change_no_truncate",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="RAISE EXCEPTION 'append-only: breaker_change cannot be truncated';",
                                    hash="2ac7d147efe86242be559d9f53308d7cda7741d4",
                                    level="STATEMENT",
                                    operation="TRUNCATE",
                                    pgid="pgtrigger_breaker_change_no_truncate_d671d",
                                    table="routing_breakerchange",
                                    when="BEFORE",
                                ),
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="RoutingTable",
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
                                related_name="routing_tables",
                                to="projects.workspace",
                            ),
                        ),
                        ("version", models.PositiveIntegerField()),
                        (
                            "state",
                            models.CharField(
                                choices=[
                                    ("proposed", "Proposed"),
                                    ("published", "In force"),
                                    ("retired", "Retired"),
                                    ("withdrawn", "Withdrawn"),
                                ],
                                default="proposed",
                                max_length=9,
                            ),
                        ),
                        ("document", models.JSONField()),
                        ("digest", models.CharField(max_length=64)),
                        ("reason", models.CharField(blank=True, max_length=300)),
                        (
                            "author",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        ("proposed_at", models.DateTimeField()),
                        (
                            "approver",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        ("published_at", models.DateTimeField(null=True)),
                        ("retired_at", models.DateTimeField(null=True)),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("workspace", "version"), name="table_version_once"
                            ),
                            models.UniqueConstraint(
                                condition=models.Q(("state", "published")),
                                fields=("workspace",),
                                name="table_in_force_once",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("state__in", ["proposed", "withdrawn"]),
                                    ("published_at__isnull", False),
                                    _connector="OR",
                                ),
                                name="table_published_at_when_published",
                            ),
                        ],
                        "triggers": [
                            pgtrigger.compiler.Trigger(
                                name="table_kept",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;",
                                    hash="9bad33f7948730ac1ca4c0061d551ebdbc447292",
                                    operation="DELETE",
                                    pgid="pgtrigger_table_kept_feea6",
                                    table="routing_routingtable",
                                    when="BEFORE",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="table_document_immutable",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    condition="WHEN (OLD.document IS DISTINCT FROM NEW.document OR OLD.version IS DISTINCT FROM NEW.version OR OLD.author_id IS DISTINCT FROM NEW.author_id OR (OLD.published_at IS NOT NULL AND OLD.published_at IS DISTINCT FROM NEW.published_at))",
                                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                                    hash="e8695889c08da071e0e35116f0b11dd4911bd4df",
                                    operation="UPDATE",
                                    pgid="pgtrigger_table_document_immutable_217a8",
                                    table="routing_routingtable",
                                    when="BEFORE",
                                ),
                            ),
                        ],
                    },
                ),
            ]
        ),
    ]
