"""Who moved a circuit breaker, when and why: kept from now on."""

import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("projects", "0005_touch_spans"),
        ("routing", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="BreakerChange",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
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
                "indexes": [models.Index(fields=["workspace", "at"], name="breaker_change_of_workspace")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("before", models.F("after")), _negated=True),
                        name="breaker_change_moves",
                    )
                ],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="breakerchange",
            trigger=pgtrigger.compiler.Trigger(
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
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="breakerchange",
            trigger=pgtrigger.compiler.Trigger(
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
        ),
    ]
