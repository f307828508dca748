"""Prices that depend on what was asked for and on the month's volume; a column goes that nobody reads any more."""

import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("billing", "0011_spend_days"),
        ("projects", "0010_notice_of_the_month"),
    ]

    operations = [
        migrations.RunSQL(
            "ALTER TABLE billing_pricerow DROP COLUMN approved",
            "ALTER TABLE billing_pricerow ADD COLUMN approved boolean NOT NULL DEFAULT true",
        ),
        migrations.CreateModel(
            name="PricedUse",
            fields=[
                ("entry", models.UUIDField(primary_key=True, serialize=False)),
                ("facts", models.JSONField(default=dict)),
                ("input_units", models.DecimalField(decimal_places=8, max_digits=20, null=True)),
                ("place", models.DecimalField(decimal_places=8, max_digits=20)),
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
        ),
        migrations.CreateModel(
            name="MonthVolume",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("model_key", models.CharField(max_length=200)),
                (
                    "unit",
                    models.CharField(
                        choices=[
                            ("image", "Image"),
                            ("second", "Second"),
                            ("megapixel", "Megapixel"),
                            ("token", "Token"),
                            ("request", "Request"),
                            ("compute_second", "Compute second"),
                            ("credit", "Credit"),
                        ],
                        max_length=14,
                    ),
                ),
                ("month", models.CharField(max_length=7)),
                ("units", models.DecimalField(decimal_places=8, max_digits=20)),
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
                "constraints": [
                    models.UniqueConstraint(
                        fields=("workspace", "model_key", "unit", "month"), name="month_volume_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("units__gte", 0)), name="month_volume_positive"
                    ),
                ],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="priceduse",
            trigger=pgtrigger.compiler.Trigger(
                name="priced_use_append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="719852707902da67e2e7f6e5a4982a1b9661a795",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_priced_use_append_only_2cea2",
                    table="billing_priceduse",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="priceduse",
            trigger=pgtrigger.compiler.Trigger(
                name="priced_use_no_truncate",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'append-only: priced_use cannot be truncated';",
                    hash="698ada020c7b1cabf07d77462fc2b8ccc212a79e",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_priced_use_no_truncate_811fd",
                    table="billing_priceduse",
                    when="BEFORE",
                ),
            ),
        ),
    ]
