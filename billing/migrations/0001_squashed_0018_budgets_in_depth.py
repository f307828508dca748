"""The tables of billing, the ledger by months, and what closed months refuse."""

from decimal import Decimal

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.expressions
import pgtrigger.compiler
from django.conf import settings
from django.db import migrations, models

import billing.models.budgets
import projects.identifiers
import projects.schema

OPEN_FROM = """
CREATE FUNCTION billing_open_from(workspace uuid) RETURNS timestamptz LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(hashtextextended('closing:' || workspace::text, 0));
    RETURN (SELECT max(c.ends_at) FROM billing_monthclose c WHERE c.workspace_id = workspace);
END $$;
"""
DECISION_GUARD = """
CREATE FUNCTION billing_decision_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.at < billing_open_from(NEW.workspace_id) THEN
        RAISE EXCEPTION 'the month of % is closed', NEW.at
            USING ERRCODE = 'check_violation', CONSTRAINT = 'decision_into_closed_month';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER billing_decision_open BEFORE INSERT ON projects_decision
    FOR EACH ROW EXECUTE FUNCTION billing_decision_guard();
"""


class CreatePartitionedModel(migrations.CreateModel):
    """Creates the table partitioned by month of the effective instant; months are added as needed."""

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        plain = schema_editor.sql_create_table
        schema_editor.sql_create_table = f"{plain} PARTITION BY RANGE (effective_at)"
        try:
            super().database_forwards(app_label, schema_editor, from_state, to_state)
        finally:
            schema_editor.sql_create_table = plain


class Migration(migrations.Migration):
    replaces = [
        ("billing", "0001_initial"),
        ("billing", "0002_initial"),
        ("billing", "0003_refund_within_charge"),
        ("billing", "0004_pot_days"),
        ("billing", "0005_month_sums"),
        ("billing", "0006_closing"),
        ("billing", "0007_export_jobs"),
        ("billing", "0008_price_book"),
        ("billing", "0009_reported_charges"),
        ("billing", "0010_invoices"),
        ("billing", "0011_spend_days"),
        ("billing", "0012_price_conditions"),
        ("billing", "0013_withdrawn_bills"),
        ("billing", "0014_saved_views"),
        ("billing", "0015_cost_shares"),
        ("billing", "0016_cost_shares_checked"),
        ("billing", "0017_passing_on"),
        ("billing", "0018_budgets_in_depth"),
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
                    name="PriceRow",
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
                                related_name="price_rows",
                                to="projects.workspace",
                            ),
                        ),
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
                        ("amount", models.DecimalField(decimal_places=8, max_digits=20)),
                        (
                            "first_amount",
                            models.DecimalField(blank=True, decimal_places=8, max_digits=20, null=True),
                        ),
                        (
                            "list_amount",
                            models.DecimalField(blank=True, decimal_places=8, max_digits=20, null=True),
                        ),
                        ("currency", models.CharField(max_length=47)),
                        ("conditions", models.JSONField(blank=True, default=dict)),
                        ("starts_at", models.DateTimeField()),
                        ("source", models.CharField(blank=True, max_length=200)),
                        (
                            "author",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        ("created_at", models.DateTimeField(auto_now_add=True)),
                    ],
                    options={
                        "indexes": [
                            models.Index(
                                fields=["workspace", "model_key", "starts_at"], name="price_row_in_force"
                            )
                        ],
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("workspace", "model_key", "conditions", "starts_at"),
                                name="price_row_once",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("amount__gte", 0)), name="price_row_positive"
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("amount__gt", 0), ("model_key__startswith", "builtin/"), _connector="OR"
                                ),
                                name="price_row_zero_only_builtin",
                            ),
                        ],
                        "triggers": [
                            pgtrigger.compiler.Trigger(
                                name="price_row_append_only",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                                    hash="b5534bcd033bcb115c38fe56b57343a71cffaadf",
                                    operation="UPDATE OR DELETE",
                                    pgid="pgtrigger_price_row_append_only_28077",
                                    table="billing_pricerow",
                                    when="BEFORE",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="price_row_no_truncate",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="RAISE EXCEPTION 'append-only: price_row cannot be truncated';",
                                    hash="c8f04d62c668dcf7441fe847c49eee0beb618c02",
                                    level="STATEMENT",
                                    operation="TRUNCATE",
                                    pgid="pgtrigger_price_row_no_truncate_bcc43",
                                    table="billing_pricerow",
                                    when="BEFORE",
                                ),
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="PricedUse",
                    fields=[
                        ("entry", models.UUIDField(primary_key=True, serialize=False)),
                        (
                            "workspace",
                            models.ForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="projects.workspace",
                            ),
                        ),
                        ("facts", models.JSONField(default=dict)),
                        ("input_units", models.DecimalField(decimal_places=8, max_digits=20, null=True)),
                        ("place", models.DecimalField(decimal_places=8, max_digits=20)),
                    ],
                    options={
                        "triggers": [
                            pgtrigger.compiler.Trigger(
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
                            pgtrigger.compiler.Trigger(
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
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="MonthVolume",
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
                migrations.CreateModel(
                    name="ExchangeRate",
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
                                related_name="exchange_rates",
                                to="projects.workspace",
                            ),
                        ),
                        ("currency", models.CharField(max_length=47)),
                        ("day", models.DateField()),
                        ("rate", models.DecimalField(decimal_places=10, max_digits=20)),
                        ("source", models.CharField(blank=True, max_length=120)),
                        (
                            "author",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        ("created_at", models.DateTimeField(auto_now_add=True)),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("workspace", "currency", "day"), name="exchange_rate_once"
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("rate__gt", 0)), name="exchange_rate_positive"
                            ),
                        ],
                        "triggers": [
                            pgtrigger.compiler.Trigger(
                                name="exchange_rate_append_only",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                                    hash="28a2bb7ae7f856f7e4e9451d5d80cb1a5eb7d45e",
                                    operation="UPDATE OR DELETE",
                                    pgid="pgtrigger_exchange_rate_append_only_ea4a8",
                                    table="billing_exchangerate",
                                    when="BEFORE",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="exchange_rate_no_truncate",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="RAISE EXCEPTION 'append-only: exchange_rate cannot be truncated';",
                                    hash="df6a2ea9cbb829babf09c1ba2d00a247b2a9788e",
                                    level="STATEMENT",
                                    operation="TRUNCATE",
                                    pgid="pgtrigger_exchange_rate_no_truncate_6d320",
                                    table="billing_exchangerate",
                                    when="BEFORE",
                                ),
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Agreement",
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
                            "kind",
                            models.CharField(
                                choices=[
                                    ("subscription", "Subscription"),
                                    ("minimum", "Minimum commitment"),
                                    ("machine", "Own machine"),
                                ],
                                max_length=12,
                            ),
                        ),
                        ("name", models.CharField(max_length=120)),
                        ("provider", models.CharField(max_length=40)),
                        ("models_covered", models.JSONField(blank=True, default=list)),
                        ("fee", models.DecimalField(decimal_places=8, max_digits=20)),
                        ("currency", models.CharField(max_length=3)),
                        (
                            "planned_units",
                            models.DecimalField(blank=True, decimal_places=8, max_digits=20, null=True),
                        ),
                        (
                            "unit",
                            models.CharField(
                                blank=True,
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
                        ("first_month", models.CharField(max_length=7)),
                        ("source", models.CharField(max_length=200)),
                        (
                            "author",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        ("created_at", models.DateTimeField(auto_now_add=True)),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(fields=("workspace", "name"), name="agreement_once"),
                            models.CheckConstraint(
                                condition=models.Q(("fee__gt", 0)), name="agreement_fee_positive"
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(
                                        ("kind", "minimum"), ("planned_units__isnull", True), ("unit", "")
                                    ),
                                    models.Q(
                                        models.Q(("kind", "minimum"), _negated=True),
                                        ("planned_units__gt", 0),
                                        models.Q(("unit", ""), _negated=True),
                                    ),
                                    _connector="OR",
                                ),
                                name="agreement_units_planned",
                            ),
                        ],
                        "triggers": [
                            pgtrigger.compiler.Trigger(
                                name="agreement_append_only",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                                    hash="33f1918ef41653a1a0e4ebb381773e82474dfaf2",
                                    operation="UPDATE OR DELETE",
                                    pgid="pgtrigger_agreement_append_only_1d114",
                                    table="billing_agreement",
                                    when="BEFORE",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="agreement_no_truncate",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="RAISE EXCEPTION 'append-only: agreement cannot be truncated';",
                                    hash="06bb2f74ed51d8d77ff2ad0f55ffd2637655d79b",
                                    level="STATEMENT",
                                    operation="TRUNCATE",
                                    pgid="pgtrigger_agreement_no_truncate_2cbf1",
                                    table="billing_agreement",
                                    when="BEFORE",
                                ),
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="AgreementEnd",
                    fields=[
                        (
                            "agreement",
                            models.OneToOneField(
                                on_delete=django.db.models.deletion.PROTECT,
                                primary_key=True,
                                related_name="end",
                                serialize=False,
                                to="billing.agreement",
                            ),
                        ),
                        ("last_month", models.CharField(max_length=7)),
                        ("reason", models.CharField(max_length=300)),
                        (
                            "ended_by",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        ("ended_at", models.DateTimeField()),
                    ],
                    options={
                        "triggers": [
                            pgtrigger.compiler.Trigger(
                                name="agreement_end_append_only",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                                    hash="013412fd16e963be6d8a73fcb2254360dc83caec",
                                    operation="UPDATE OR DELETE",
                                    pgid="pgtrigger_agreement_end_append_only_dd90b",
                                    table="billing_agreementend",
                                    when="BEFORE",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="agreement_end_no_truncate",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="RAISE EXCEPTION 'append-only: agreement_end cannot be truncated';",
                                    hash="7bfab286c8de282fde30de1b9aa8dec3e638882d",
                                    level="STATEMENT",
                                    operation="TRUNCATE",
                                    pgid="pgtrigger_agreement_end_no_truncate_c4e74",
                                    table="billing_agreementend",
                                    when="BEFORE",
                                ),
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="AgreementSettlement",
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
                            "agreement",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="settlements",
                                to="billing.agreement",
                            ),
                        ),
                        ("month", models.CharField(max_length=7)),
                        ("number", models.PositiveSmallIntegerField()),
                        ("due", models.DecimalField(decimal_places=8, max_digits=20)),
                        ("used", models.DecimalField(decimal_places=8, max_digits=20)),
                        ("rest", models.DecimalField(decimal_places=8, max_digits=20)),
                        ("booked", models.DecimalField(decimal_places=8, max_digits=20)),
                        ("entry", models.UUIDField(null=True)),
                        ("settled_at", models.DateTimeField()),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("agreement", "month", "number"), name="agreement_settled_in_order"
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(("booked", 0), ("entry__isnull", True)),
                                    models.Q(
                                        models.Q(("booked", 0), _negated=True), ("entry__isnull", False)
                                    ),
                                    _connector="OR",
                                ),
                                name="agreement_settlement_names_entry",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    (
                                        "rest",
                                        django.db.models.expressions.CombinedExpression(
                                            models.F("due"), "-", models.F("used")
                                        ),
                                    ),
                                    ("rest", 0),
                                    _connector="OR",
                                ),
                                name="agreement_rest_adds_up",
                            ),
                        ],
                        "triggers": [
                            pgtrigger.compiler.Trigger(
                                name="agreement_settlement_append_only",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                                    hash="e4d88946804b6566e6ff35bf2ffd903d6b250d6b",
                                    operation="UPDATE OR DELETE",
                                    pgid="pgtrigger_agreement_settlement_append_only_7fc88",
                                    table="billing_agreementsettlement",
                                    when="BEFORE",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="agreement_settlement_no_truncate",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="RAISE EXCEPTION 'append-only: agreement_settlement cannot be truncated';",
                                    hash="326c32a6c050a44399bff5de1573b68b49e2c741",
                                    level="STATEMENT",
                                    operation="TRUNCATE",
                                    pgid="pgtrigger_agreement_settlement_no_truncate_ff226",
                                    table="billing_agreementsettlement",
                                    when="BEFORE",
                                ),
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Hold",
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
                                related_name="holds",
                                to="projects.workspace",
                            ),
                        ),
                        (
                            "take",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="holds",
                                to="projects.take",
                            ),
                        ),
                        ("run", models.UUIDField()),
                        ("model_key", models.CharField(max_length=200)),
                        ("amount", models.DecimalField(decimal_places=8, max_digits=20)),
                        ("price_row", models.UUIDField(null=True)),
                        ("made_at", models.DateTimeField()),
                    ],
                    options={
                        "indexes": [models.Index(fields=["workspace", "made_at"], name="hold_of_workspace")],
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(("amount__gte", 0)), name="hold_positive"
                            )
                        ],
                        "triggers": [
                            pgtrigger.compiler.Trigger(
                                name="hold_append_only",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                                    hash="5003d2acbe03f27465dd94293ec5e8172d2923d4",
                                    operation="UPDATE OR DELETE",
                                    pgid="pgtrigger_hold_append_only_84e17",
                                    table="billing_hold",
                                    when="BEFORE",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="hold_no_truncate",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="RAISE EXCEPTION 'append-only: hold cannot be truncated';",
                                    hash="9ec60b1740870f623de21907470ed7350af3e16b",
                                    level="STATEMENT",
                                    operation="TRUNCATE",
                                    pgid="pgtrigger_hold_no_truncate_383bf",
                                    table="billing_hold",
                                    when="BEFORE",
                                ),
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="HoldOutcome",
                    fields=[
                        (
                            "hold",
                            models.OneToOneField(
                                on_delete=django.db.models.deletion.PROTECT,
                                primary_key=True,
                                related_name="outcome",
                                serialize=False,
                                to="billing.hold",
                            ),
                        ),
                        (
                            "outcome",
                            models.CharField(
                                choices=[("posted", "Posted"), ("voided", "Voided")], max_length=6
                            ),
                        ),
                        ("amount", models.DecimalField(decimal_places=8, max_digits=20)),
                        ("entry", models.UUIDField(null=True)),
                        ("at", models.DateTimeField()),
                        ("reason", models.CharField(blank=True, max_length=200)),
                    ],
                    options={
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("outcome", "posted"),
                                    models.Q(("amount", 0), ("entry__isnull", True), ("outcome", "voided")),
                                    _connector="OR",
                                ),
                                name="hold_outcome_void_is_zero",
                            )
                        ],
                        "triggers": [
                            pgtrigger.compiler.Trigger(
                                name="hold_outcome_append_only",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                                    hash="4ffcf1c785031a9b3a2151db055a115bc45ffeb4",
                                    operation="UPDATE OR DELETE",
                                    pgid="pgtrigger_hold_outcome_append_only_73038",
                                    table="billing_holdoutcome",
                                    when="BEFORE",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="hold_outcome_no_truncate",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="RAISE EXCEPTION 'append-only: hold_outcome cannot be truncated';",
                                    hash="66579eca7b5ad9a016c60062c3d80ed8c3c875e8",
                                    level="STATEMENT",
                                    operation="TRUNCATE",
                                    pgid="pgtrigger_hold_outcome_no_truncate_93047",
                                    table="billing_holdoutcome",
                                    when="BEFORE",
                                ),
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Budget",
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
                                related_name="budgets",
                                to="projects.workspace",
                            ),
                        ),
                        (
                            "scope",
                            models.CharField(
                                choices=[
                                    ("workspace", "Workspace"),
                                    ("project", "Client / brand"),
                                    ("campaign", "Campaign"),
                                    ("category", "Category"),
                                    ("deliverable", "Deliverable"),
                                    ("provider", "Provider"),
                                    ("person", "Person"),
                                ],
                                max_length=11,
                            ),
                        ),
                        (
                            "project",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="projects.project",
                            ),
                        ),
                        (
                            "campaign",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="projects.campaign",
                            ),
                        ),
                        (
                            "category",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="projects.category",
                            ),
                        ),
                        (
                            "deliverable",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="projects.deliverable",
                            ),
                        ),
                        ("provider", models.CharField(blank=True, max_length=40)),
                        (
                            "person",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "phase",
                            models.CharField(
                                blank=True, choices=[("draft", "Draft"), ("hero", "Hero")], max_length=5
                            ),
                        ),
                        (
                            "window",
                            models.CharField(
                                choices=[
                                    ("month", "Each month"),
                                    ("rolling", "Any days in a row"),
                                    ("campaign", "Life of the campaign"),
                                    ("none", "Without end"),
                                ],
                                max_length=8,
                            ),
                        ),
                        ("rolling_days", models.PositiveSmallIntegerField(blank=True, null=True)),
                        ("limit", models.DecimalField(decimal_places=8, max_digits=20)),
                        ("hard", models.BooleanField(default=True)),
                        (
                            "alert_shares",
                            django.contrib.postgres.fields.ArrayField(
                                base_field=models.PositiveSmallIntegerField(),
                                db_default=[80, 100],
                                default=billing.models.budgets.usual_shares,
                                size=6,
                            ),
                        ),
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
                        ("ended_at", models.DateTimeField(blank=True, null=True)),
                    ],
                    options={
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(("limit__gte", 0)), name="budget_limit_positive"
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(
                                        models.Q(("scope", "workspace")),
                                        models.Q(("project__isnull", True)),
                                        models.Q(("campaign__isnull", True)),
                                        models.Q(("category__isnull", True)),
                                        models.Q(("deliverable__isnull", True)),
                                        models.Q(("provider", "")),
                                        models.Q(("person__isnull", True)),
                                    ),
                                    models.Q(
                                        models.Q(("scope", "project")),
                                        models.Q(("project__isnull", False)),
                                        models.Q(("campaign__isnull", True)),
                                        models.Q(("category__isnull", True)),
                                        models.Q(("deliverable__isnull", True)),
                                        models.Q(("provider", "")),
                                        models.Q(("person__isnull", True)),
                                    ),
                                    models.Q(
                                        models.Q(("scope", "campaign")),
                                        models.Q(("project__isnull", True)),
                                        models.Q(("campaign__isnull", False)),
                                        models.Q(("category__isnull", True)),
                                        models.Q(("deliverable__isnull", True)),
                                        models.Q(("provider", "")),
                                        models.Q(("person__isnull", True)),
                                    ),
                                    models.Q(
                                        models.Q(("scope", "category")),
                                        models.Q(("project__isnull", True)),
                                        models.Q(("campaign__isnull", True)),
                                        models.Q(("category__isnull", False)),
                                        models.Q(("deliverable__isnull", True)),
                                        models.Q(("provider", "")),
                                        models.Q(("person__isnull", True)),
                                    ),
                                    models.Q(
                                        models.Q(("scope", "deliverable")),
                                        models.Q(("project__isnull", True)),
                                        models.Q(("campaign__isnull", True)),
                                        models.Q(("category__isnull", True)),
                                        models.Q(("deliverable__isnull", False)),
                                        models.Q(("provider", "")),
                                        models.Q(("person__isnull", True)),
                                    ),
                                    models.Q(
                                        models.Q(("scope", "provider")),
                                        models.Q(("project__isnull", True)),
                                        models.Q(("campaign__isnull", True)),
                                        models.Q(("category__isnull", True)),
                                        models.Q(("deliverable__isnull", True)),
                                        models.Q(("provider__gt", "")),
                                        models.Q(("person__isnull", True)),
                                    ),
                                    models.Q(
                                        models.Q(("scope", "person")),
                                        models.Q(("project__isnull", True)),
                                        models.Q(("campaign__isnull", True)),
                                        models.Q(("category__isnull", True)),
                                        models.Q(("deliverable__isnull", True)),
                                        models.Q(("provider", "")),
                                        models.Q(("person__isnull", False)),
                                    ),
                                    _connector="OR",
                                ),
                                name="budget_names_its_scope",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(
                                        ("rolling_days__isnull", True), ("window__in", ["month", "none"])
                                    ),
                                    models.Q(
                                        ("rolling_days__isnull", True),
                                        ("scope__in", ["campaign", "deliverable"]),
                                        ("window", "campaign"),
                                    ),
                                    models.Q(
                                        ("rolling_days__isnull", False),
                                        ("rolling_days__range", (1, 366)),
                                        ("window", "rolling"),
                                    ),
                                    _connector="OR",
                                ),
                                name="budget_window_fits",
                            ),
                            models.UniqueConstraint(
                                condition=models.Q(("ended_at__isnull", True)),
                                fields=(
                                    "workspace",
                                    "scope",
                                    "phase",
                                    "window",
                                    "rolling_days",
                                    "project",
                                    "campaign",
                                    "category",
                                    "deliverable",
                                    "provider",
                                    "person",
                                ),
                                name="budget_in_force_once",
                                nulls_distinct=False,
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="BudgetWindow",
                    fields=[
                        ("id", models.BigAutoField(primary_key=True, serialize=False)),
                        (
                            "budget",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="windows",
                                to="billing.budget",
                            ),
                        ),
                        ("starts_at", models.DateTimeField()),
                        ("day", models.DateField(null=True)),
                        (
                            "carried",
                            models.DecimalField(db_default=0, decimal_places=8, default=0, max_digits=20),
                        ),
                        ("limit", models.DecimalField(decimal_places=8, max_digits=20)),
                        ("hard", models.BooleanField()),
                        ("reserved", models.DecimalField(decimal_places=8, default=0, max_digits=20)),
                        ("spent", models.DecimalField(decimal_places=8, default=0, max_digits=20)),
                        ("overshoot", models.DecimalField(decimal_places=8, default=0, max_digits=20)),
                        (
                            "alert_shares",
                            django.contrib.postgres.fields.ArrayField(
                                base_field=models.PositiveSmallIntegerField(),
                                db_default=[80, 100],
                                default=billing.models.budgets.usual_shares,
                                size=6,
                            ),
                        ),
                        ("alerted_percent", models.PositiveSmallIntegerField(default=0)),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("budget", "starts_at"), name="budget_window_once"
                            ),
                            models.UniqueConstraint(
                                condition=models.Q(("day__isnull", False)),
                                fields=("budget", "day"),
                                name="budget_day_once",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("hard", False),
                                    (
                                        "limit__gte",
                                        django.db.models.expressions.CombinedExpression(
                                            django.db.models.expressions.CombinedExpression(
                                                django.db.models.expressions.CombinedExpression(
                                                    models.F("carried"), "+", models.F("spent")
                                                ),
                                                "+",
                                                models.F("reserved"),
                                            ),
                                            "-",
                                            models.F("overshoot"),
                                        ),
                                    ),
                                    _connector="OR",
                                ),
                                name="budget_holds",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("day__isnull", False), ("carried", 0), _connector="OR"),
                                name="budget_window_carries_nothing",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("reserved__gte", 0)), name="budget_reserved_positive"
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("overshoot__gte", 0)), name="budget_overshoot_positive"
                            ),
                        ],
                        "triggers": [
                            pgtrigger.compiler.Trigger(
                                name="budget_day_begins",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    condition="WHEN (NEW.day IS NOT NULL)",
                                    declare="DECLARE days integer;",
                                    func="\n    SELECT rolling_days INTO days FROM billing_budget WHERE id = NEW.budget_id FOR UPDATE;\n    IF NEW.spent + NEW.reserved <> 0 AND EXISTS (\n        SELECT FROM billing_budgetwindow w WHERE w.budget_id = NEW.budget_id AND w.day > NEW.day) THEN\n        RAISE EXCEPTION 'a used day cannot be put before %', NEW.day\n            USING ERRCODE = 'check_violation', CONSTRAINT = 'budget_days_in_order';\n    END IF;\n    NEW.carried := COALESCE((\n        SELECT sum(w.spent + w.reserved) FROM billing_budgetwindow w\n        WHERE w.budget_id = NEW.budget_id AND w.day > NEW.day - days AND w.day < NEW.day), 0);\n    NEW.overshoot := CASE WHEN NEW.hard THEN GREATEST(0, NEW.carried - NEW.\"limit\") ELSE 0 END;\n    IF NEW.\"limit\" > 0 THEN  -- of what was reached before the day nobody is told again\n        NEW.alerted_percent := GREATEST(\n            NEW.alerted_percent, LEAST(floor(NEW.carried * 100 / NEW.\"limit\"), 1000));\n    END IF;\n    RETURN NEW;\n",
                                    hash="8498af146c27e6921f630b91dd78621002cbe0b6",
                                    operation="INSERT",
                                    pgid="pgtrigger_budget_day_begins_30850",
                                    table="billing_budgetwindow",
                                    when="BEFORE",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="budget_day_counts",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    condition="WHEN (NEW.day IS NOT NULL)",
                                    declare="DECLARE days integer; more numeric;",
                                    func='\n    SELECT rolling_days INTO days FROM billing_budget WHERE id = NEW.budget_id FOR KEY SHARE;\n    more := NEW.spent + NEW.reserved - OLD.spent - OLD.reserved;\n    UPDATE billing_budgetwindow SET\n        carried = carried + more,\n        overshoot = CASE WHEN hard AND NEW.reserved <= OLD.reserved\n            THEN GREATEST(0, carried + more + spent + reserved - "limit") ELSE overshoot END\n    WHERE budget_id = NEW.budget_id AND day > NEW.day AND day < NEW.day + days;\n    RETURN NULL;\n',
                                    hash="c45b01bc84ec357153c4b2b2b62bf4689fbd2687",
                                    operation='UPDATE OF "spent", "reserved"',
                                    pgid="pgtrigger_budget_day_counts_090b4",
                                    table="billing_budgetwindow",
                                    when="AFTER",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="budget_day_carries",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    condition="WHEN ((OLD.carried, OLD.day, OLD.budget_id) IS DISTINCT FROM (NEW.carried, NEW.day, NEW.budget_id) AND pg_trigger_depth() = 0)",
                                    func="RAISE EXCEPTION 'what a day carries is worked out from the days before it';",
                                    hash="c0e0c0237508c712186d850c388b00fb5f5f6ca5",
                                    operation='UPDATE OF "carried", "day", "budget_id"',
                                    pgid="pgtrigger_budget_day_carries_b42ca",
                                    table="billing_budgetwindow",
                                    when="BEFORE",
                                ),
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="HoldBudget",
                    fields=[
                        ("id", models.BigAutoField(primary_key=True, serialize=False)),
                        (
                            "hold",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="budgets",
                                to="billing.hold",
                            ),
                        ),
                        (
                            "window",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="holds",
                                to="billing.budgetwindow",
                            ),
                        ),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(fields=("hold", "window"), name="hold_budget_once")
                        ],
                        "triggers": [
                            pgtrigger.compiler.Trigger(
                                name="hold_budget_append_only",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                                    hash="aadc6b09c74e630a698a30af7d397a6c97de3694",
                                    operation="UPDATE OR DELETE",
                                    pgid="pgtrigger_hold_budget_append_only_f184e",
                                    table="billing_holdbudget",
                                    when="BEFORE",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="hold_budget_no_truncate",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="RAISE EXCEPTION 'append-only: hold_budget cannot be truncated';",
                                    hash="7d4a7b2d24511bbf2d3aa4ca2dfcb37815711d91",
                                    level="STATEMENT",
                                    operation="TRUNCATE",
                                    pgid="pgtrigger_hold_budget_no_truncate_9adbd",
                                    table="billing_holdbudget",
                                    when="BEFORE",
                                ),
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="BudgetRaise",
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
                                related_name="budget_raises",
                                to="projects.workspace",
                            ),
                        ),
                        (
                            "budget",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="raises",
                                to="billing.budget",
                            ),
                        ),
                        ("more", models.DecimalField(decimal_places=8, max_digits=20)),
                        ("reason", models.TextField()),
                        (
                            "state",
                            models.CharField(
                                choices=[
                                    ("waiting", "Waiting"),
                                    ("granted", "Granted"),
                                    ("declined", "Declined"),
                                    ("withdrawn", "Withdrawn"),
                                    ("expired", "Expired"),
                                ],
                                default="waiting",
                                max_length=9,
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
                        ("expires_at", models.DateTimeField()),
                        (
                            "decided_by",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        ("decided_at", models.DateTimeField(null=True)),
                        ("note", models.TextField(blank=True)),
                        ("limit_before", models.DecimalField(decimal_places=8, max_digits=20, null=True)),
                    ],
                    options={
                        "indexes": [
                            models.Index(
                                condition=models.Q(("state", "waiting")),
                                fields=["workspace", "requested_at"],
                                name="budget_raise_waiting",
                            ),
                            models.Index(fields=["budget", "requested_at"], name="budget_raise_of_budget"),
                        ],
                        "constraints": [
                            models.UniqueConstraint(
                                condition=models.Q(("state", "waiting")),
                                fields=("budget", "requested_by"),
                                name="budget_raise_waits_once",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("more__gt", 0)), name="budget_raise_more"
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("expires_at__gt", models.F("requested_at"))),
                                name="budget_raise_expires",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(
                                        ("decided_at__isnull", True),
                                        ("decided_by__isnull", True),
                                        ("state", "waiting"),
                                    ),
                                    models.Q(
                                        ("decided_at__isnull", False),
                                        ("decided_by__isnull", True),
                                        ("state", "expired"),
                                    ),
                                    models.Q(
                                        ("decided_at__isnull", False),
                                        ("decided_by", models.F("requested_by")),
                                        ("state", "withdrawn"),
                                    ),
                                    models.Q(
                                        ("decided_at__isnull", False),
                                        ("decided_by__isnull", False),
                                        ("state__in", ["granted", "declined"]),
                                        models.Q(("decided_by", models.F("requested_by")), _negated=True),
                                    ),
                                    _connector="OR",
                                ),
                                name="budget_raise_decided_by_another",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(("limit_before__isnull", False), ("state", "granted")),
                                    models.Q(
                                        models.Q(("state", "granted"), _negated=True),
                                        ("limit_before__isnull", True),
                                    ),
                                    _connector="OR",
                                ),
                                name="budget_raise_granted_on_a_limit",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="ChatHook",
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
                                related_name="chat_hooks",
                                to="projects.workspace",
                            ),
                        ),
                        ("name", models.CharField(max_length=60)),
                        ("host", models.CharField(max_length=255)),
                        ("encrypted_address", models.BinaryField()),
                        ("enabled", models.BooleanField(default=True)),
                        (
                            "added_by",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        ("added_at", models.DateTimeField()),
                        ("removed_at", models.DateTimeField(null=True)),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(
                                condition=models.Q(("removed_at__isnull", True)),
                                fields=("workspace", "name"),
                                name="chat_hook_once",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("removed_at__isnull", True),
                                    models.Q(("enabled", False), ("encrypted_address", b"")),
                                    _connector="OR",
                                ),
                                name="chat_hook_removed_is_forgotten",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="ChatMessage",
                    fields=[
                        ("id", models.BigAutoField(primary_key=True, serialize=False)),
                        (
                            "hook",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="messages",
                                to="billing.chathook",
                            ),
                        ),
                        ("text", models.TextField()),
                        ("dedupe", models.CharField(max_length=120)),
                        ("created_at", models.DateTimeField()),
                        ("due_at", models.DateTimeField()),
                        ("attempts", models.PositiveSmallIntegerField(default=0)),
                        ("error", models.CharField(blank=True, max_length=200)),
                        ("sent_at", models.DateTimeField(null=True)),
                        ("given_up_at", models.DateTimeField(null=True)),
                    ],
                    options={
                        "indexes": [
                            models.Index(
                                condition=models.Q(("given_up_at__isnull", True), ("sent_at__isnull", True)),
                                fields=["due_at"],
                                name="chat_message_due",
                            ),
                            models.Index(fields=["hook", "-id"], name="chat_message_of_hook"),
                        ],
                        "constraints": [
                            models.UniqueConstraint(fields=("hook", "dedupe"), name="chat_message_once"),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("sent_at__isnull", True), ("given_up_at__isnull", True), _connector="OR"
                                ),
                                name="chat_message_ends_once",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="MonthStep",
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
                        ("month", models.CharField(max_length=7)),
                        (
                            "kind",
                            models.CharField(
                                choices=[
                                    ("review", "Under review"),
                                    ("back", "Taken back"),
                                    ("exceptions_read", "Exceptions read"),
                                    ("provider", "Provider settled"),
                                    ("signed", "Signed by the first"),
                                ],
                                max_length=15,
                            ),
                        ),
                        ("provider", models.CharField(blank=True, max_length=40)),
                        (
                            "settlement",
                            models.CharField(
                                blank=True,
                                choices=[
                                    ("invoice", "Reconciled to its invoice"),
                                    ("usage", "Reconciled to its usage export"),
                                    ("balance", "Reconciled to its balance"),
                                    ("not_invoiced", "Accrued as not yet invoiced"),
                                ],
                                max_length=12,
                            ),
                        ),
                        ("expected_on", models.DateField(null=True)),
                        ("digest", models.CharField(blank=True, max_length=64)),
                        ("note", models.CharField(blank=True, max_length=300)),
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
                            models.Index(fields=["workspace", "month", "id"], name="month_step_of_month")
                        ],
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(
                                        ("kind", "provider"), ("provider__gt", ""), ("settlement__gt", "")
                                    ),
                                    models.Q(
                                        models.Q(("kind", "provider"), _negated=True),
                                        ("provider", ""),
                                        ("settlement", ""),
                                    ),
                                    _connector="OR",
                                ),
                                name="month_step_names_provider",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(("settlement", "not_invoiced"), _negated=True),
                                    ("expected_on__isnull", False),
                                    _connector="OR",
                                ),
                                name="month_step_expects_invoice",
                            ),
                        ],
                        "triggers": [
                            pgtrigger.compiler.Trigger(
                                name="month_step_append_only",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                                    hash="76ebbd4180528352bac77409b45d29dae2e395a0",
                                    operation="UPDATE OR DELETE",
                                    pgid="pgtrigger_month_step_append_only_6f019",
                                    table="billing_monthstep",
                                    when="BEFORE",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="month_step_no_truncate",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="RAISE EXCEPTION 'append-only: month_step cannot be truncated';",
                                    hash="65dea6b0fc18a514bda5c7ecb335b74774b43d3e",
                                    level="STATEMENT",
                                    operation="TRUNCATE",
                                    pgid="pgtrigger_month_step_no_truncate_6d71f",
                                    table="billing_monthstep",
                                    when="BEFORE",
                                ),
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="SampleVerdict",
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
                        ("month", models.CharField(max_length=7)),
                        (
                            "take",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="projects.take",
                            ),
                        ),
                        ("agrees", models.BooleanField()),
                        ("note", models.CharField(blank=True, max_length=300)),
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
                                fields=["workspace", "month", "take", "id"], name="sample_verdict_of_take"
                            )
                        ],
                        "triggers": [
                            pgtrigger.compiler.Trigger(
                                name="sample_verdict_append_only",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                                    hash="ac519a0c193deb5ea6c2197438b6e8bd14b92542",
                                    operation="UPDATE OR DELETE",
                                    pgid="pgtrigger_sample_verdict_append_only_feda4",
                                    table="billing_sampleverdict",
                                    when="BEFORE",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="sample_verdict_no_truncate",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="RAISE EXCEPTION 'append-only: sample_verdict cannot be truncated';",
                                    hash="206a59a2bcc4a94b0cd0ed2da750cd8f2f441ab6",
                                    level="STATEMENT",
                                    operation="TRUNCATE",
                                    pgid="pgtrigger_sample_verdict_no_truncate_a657c",
                                    table="billing_sampleverdict",
                                    when="BEFORE",
                                ),
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="MonthClose",
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
                        ("month", models.CharField(max_length=7)),
                        ("starts_at", models.DateTimeField()),
                        ("ends_at", models.DateTimeField()),
                        ("document", models.JSONField()),
                        ("digest", models.CharField(max_length=64)),
                        ("entries", models.PositiveIntegerField()),
                        (
                            "signed_by",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        ("signed_at", models.DateTimeField()),
                        (
                            "closed_by",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        ("closed_at", models.DateTimeField()),
                        ("single_signature", models.BooleanField(default=False)),
                        ("note", models.CharField(blank=True, max_length=300)),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(fields=("workspace", "month"), name="month_closed_once"),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("single_signature", True),
                                    models.Q(("signed_by", models.F("closed_by")), _negated=True),
                                    _connector="OR",
                                ),
                                name="month_close_two_people",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("ends_at__gt", models.F("starts_at"))),
                                name="month_close_span",
                            ),
                        ],
                        "triggers": [
                            pgtrigger.compiler.Trigger(
                                name="month_close_append_only",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                                    hash="0432fd15d6e56d6a47e670c07a18f8536dd9437f",
                                    operation="UPDATE OR DELETE",
                                    pgid="pgtrigger_month_close_append_only_7a281",
                                    table="billing_monthclose",
                                    when="BEFORE",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="month_close_no_truncate",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="RAISE EXCEPTION 'append-only: month_close cannot be truncated';",
                                    hash="ce97137de30ab7eb715d8e8ca28846cf3ddfa621",
                                    level="STATEMENT",
                                    operation="TRUNCATE",
                                    pgid="pgtrigger_month_close_no_truncate_2f218",
                                    table="billing_monthclose",
                                    when="BEFORE",
                                ),
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="SealedDay",
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
                        ("day", models.DateField()),
                        ("until", models.UUIDField()),
                        ("entries", models.PositiveIntegerField()),
                        ("digest", models.CharField(max_length=64)),
                        ("sealed_at", models.DateTimeField()),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(fields=("workspace", "day"), name="sealed_day_once")
                        ],
                        "triggers": [
                            pgtrigger.compiler.Trigger(
                                name="sealed_day_append_only",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                                    hash="7c78ab7d70081962c82a36a935319be7a1056bee",
                                    operation="UPDATE OR DELETE",
                                    pgid="pgtrigger_sealed_day_append_only_b478c",
                                    table="billing_sealedday",
                                    when="BEFORE",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="sealed_day_no_truncate",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="RAISE EXCEPTION 'append-only: sealed_day cannot be truncated';",
                                    hash="e6cff88958964521a7fb931d3638d5553813eb5b",
                                    level="STATEMENT",
                                    operation="TRUNCATE",
                                    pgid="pgtrigger_sealed_day_no_truncate_5e8e5",
                                    table="billing_sealedday",
                                    when="BEFORE",
                                ),
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="CreditLot",
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
                        ("unit", models.CharField(max_length=47)),
                        ("bought_on", models.DateField()),
                        ("expires_on", models.DateField(blank=True, null=True)),
                        ("credits", models.DecimalField(decimal_places=8, max_digits=20)),
                        ("bonus", models.DecimalField(decimal_places=8, default=0, max_digits=20)),
                        ("price", models.DecimalField(decimal_places=8, max_digits=20)),
                        ("currency", models.CharField(max_length=3)),
                        ("rate", models.DecimalField(decimal_places=10, max_digits=20)),
                        ("cost", models.DecimalField(decimal_places=8, max_digits=20)),
                        ("source", models.CharField(max_length=200)),
                        (
                            "author",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        ("created_at", models.DateTimeField(auto_now_add=True)),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("workspace", "unit", "bought_on", "source"), name="credit_lot_once"
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("unit__startswith", "credit:")), name="credit_lot_unit"
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("bonus__gte", 0),
                                    ("cost__gt", 0),
                                    ("credits__gt", 0),
                                    ("price__gt", 0),
                                    ("rate__gt", 0),
                                ),
                                name="credit_lot_positive",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("expires_on__isnull", True),
                                    ("expires_on__gte", models.F("bought_on")),
                                    _connector="OR",
                                ),
                                name="credit_lot_expires_later",
                            ),
                        ],
                        "triggers": [
                            pgtrigger.compiler.Trigger(
                                name="credit_lot_append_only",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                                    hash="8dd200643e5b7af9d948105a586eee009a63732c",
                                    operation="UPDATE OR DELETE",
                                    pgid="pgtrigger_credit_lot_append_only_c4161",
                                    table="billing_creditlot",
                                    when="BEFORE",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="credit_lot_no_truncate",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="RAISE EXCEPTION 'append-only: credit_lot cannot be truncated';",
                                    hash="53d40678926b8696529904a9b579ba2ada9c1b6e",
                                    level="STATEMENT",
                                    operation="TRUNCATE",
                                    pgid="pgtrigger_credit_lot_no_truncate_3ec59",
                                    table="billing_creditlot",
                                    when="BEFORE",
                                ),
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="CreditBalance",
                    fields=[
                        (
                            "lot",
                            models.OneToOneField(
                                on_delete=django.db.models.deletion.PROTECT,
                                primary_key=True,
                                related_name="balance",
                                serialize=False,
                                to="billing.creditlot",
                            ),
                        ),
                        ("credits", models.DecimalField(decimal_places=8, max_digits=20)),
                        ("cost", models.DecimalField(decimal_places=8, max_digits=20)),
                    ],
                    options={
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(("cost__gte", 0), ("credits__gte", 0)),
                                name="credit_balance_never_negative",
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="CreditMovement",
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
                        ("unit", models.CharField(max_length=47)),
                        (
                            "kind",
                            models.CharField(
                                choices=[
                                    ("use", "Used"),
                                    ("beyond", "Used beyond the lots"),
                                    ("refund", "Returned"),
                                    ("expiry", "Expired"),
                                ],
                                max_length=6,
                            ),
                        ),
                        (
                            "lot",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="movements",
                                to="billing.creditlot",
                            ),
                        ),
                        ("credits", models.DecimalField(decimal_places=8, max_digits=20)),
                        ("cost", models.DecimalField(decimal_places=8, max_digits=20)),
                        ("entry", models.UUIDField(db_index=True)),
                        ("at", models.DateTimeField()),
                    ],
                    options={
                        "indexes": [
                            models.Index(fields=["workspace", "unit", "at"], name="credit_movement_of_unit")
                        ],
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("lot__isnull", False), ("kind", "beyond"), _connector="OR"
                                ),
                                name="credit_movement_names_lot",
                            )
                        ],
                        "triggers": [
                            pgtrigger.compiler.Trigger(
                                name="credit_movement_append_only",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                                    hash="99beec76ef87ff1a6f221942f7d0faf2b25d81a5",
                                    operation="UPDATE OR DELETE",
                                    pgid="pgtrigger_credit_movement_append_only_b90e3",
                                    table="billing_creditmovement",
                                    when="BEFORE",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="credit_movement_no_truncate",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="RAISE EXCEPTION 'append-only: credit_movement cannot be truncated';",
                                    hash="95d078ebd3af1662e7907262d315d0cd8e99206f",
                                    level="STATEMENT",
                                    operation="TRUNCATE",
                                    pgid="pgtrigger_credit_movement_no_truncate_446a2",
                                    table="billing_creditmovement",
                                    when="BEFORE",
                                ),
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="ProviderBalance",
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
                        ("unit", models.CharField(max_length=47)),
                        ("credits", models.DecimalField(decimal_places=8, max_digits=20)),
                        ("ours", models.DecimalField(decimal_places=8, max_digits=20)),
                        ("read_at", models.DateTimeField()),
                        ("source", models.CharField(max_length=200)),
                        (
                            "author",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        ("created_at", models.DateTimeField(auto_now_add=True)),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("workspace", "unit", "read_at"), name="provider_balance_once"
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("unit__startswith", "credit:")),
                                name="provider_balance_unit",
                            ),
                        ],
                        "triggers": [
                            pgtrigger.compiler.Trigger(
                                name="provider_balance_append_only",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                                    hash="4abcd68b704d3a8223a0f1b995381dc7376baea8",
                                    operation="UPDATE OR DELETE",
                                    pgid="pgtrigger_provider_balance_append_only_7e7c6",
                                    table="billing_providerbalance",
                                    when="BEFORE",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="provider_balance_no_truncate",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="RAISE EXCEPTION 'append-only: provider_balance cannot be truncated';",
                                    hash="6ac28662bb088b0572ae18cd31ac32de55d46df0",
                                    level="STATEMENT",
                                    operation="TRUNCATE",
                                    pgid="pgtrigger_provider_balance_no_truncate_91e92",
                                    table="billing_providerbalance",
                                    when="BEFORE",
                                ),
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="ExportJob",
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
                                related_name="export_jobs",
                                to="projects.workspace",
                            ),
                        ),
                        ("month", models.CharField(max_length=7)),
                        ("form", models.CharField(max_length=24)),
                        (
                            "state",
                            models.CharField(
                                choices=[
                                    ("waiting", "Waiting"),
                                    ("making", "Being made"),
                                    ("done", "Made"),
                                    ("failed", "Failed"),
                                ],
                                default="waiting",
                                max_length=8,
                            ),
                        ),
                        ("rows_total", models.PositiveIntegerField(default=0)),
                        ("rows_done", models.PositiveIntegerField(default=0)),
                        ("file_name", models.CharField(blank=True, max_length=200)),
                        ("size_bytes", models.BigIntegerField(null=True)),
                        ("said", models.CharField(blank=True, max_length=300)),
                        ("attempts", models.PositiveSmallIntegerField(default=0)),
                        ("leased_until", models.DateTimeField(null=True)),
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
                    options={
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(("state", "done"), _negated=True),
                                    models.Q(
                                        models.Q(("file_name", ""), _negated=True),
                                        ("ended_at__isnull", False),
                                    ),
                                    _connector="OR",
                                ),
                                name="export_job_done_has_file",
                            ),
                            models.UniqueConstraint(
                                condition=models.Q(("state__in", ["waiting", "making"])),
                                fields=("workspace", "month", "form"),
                                name="export_job_one_at_a_time",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="InvoiceWithdrawal",
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
                        ("invoice", models.UUIDField(unique=True)),
                        ("provider", models.CharField(max_length=40)),
                        ("month", models.CharField(max_length=7)),
                        ("number", models.CharField(blank=True, max_length=80)),
                        ("file_name", models.CharField(max_length=200)),
                        ("digest", models.CharField(max_length=64)),
                        ("line_count", models.PositiveIntegerField()),
                        ("amount", models.DecimalField(decimal_places=8, max_digits=20)),
                        (
                            "imported_by",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        ("imported_at", models.DateTimeField()),
                        ("reason", models.CharField(max_length=300)),
                        (
                            "by",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        ("at", models.DateTimeField()),
                        ("transaction", models.BigIntegerField(default=0, editable=False)),
                    ],
                    options={
                        "indexes": [
                            models.Index(
                                fields=["workspace", "provider", "month"], name="invoice_withdrawal_of_month"
                            ),
                            models.Index(fields=["transaction"], name="invoice_withdrawal_now"),
                        ],
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(("reason", ""), _negated=True),
                                name="invoice_withdrawal_has_reason",
                            )
                        ],
                        "triggers": [
                            pgtrigger.compiler.Trigger(
                                name="invoice_withdrawal_append_only",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                                    hash="952396228db9d131eed461f49c3388ae6150da89",
                                    operation="UPDATE OR DELETE",
                                    pgid="pgtrigger_invoice_withdrawal_append_only_1a9ff",
                                    table="billing_invoicewithdrawal",
                                    when="BEFORE",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="invoice_withdrawal_no_truncate",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="RAISE EXCEPTION 'append-only: invoice_withdrawal cannot be truncated';",
                                    hash="2ba7275f319eff1b9cbfe19d5109a4e69319a4c7",
                                    level="STATEMENT",
                                    operation="TRUNCATE",
                                    pgid="pgtrigger_invoice_withdrawal_no_truncate_ffb10",
                                    table="billing_invoicewithdrawal",
                                    when="BEFORE",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="invoice_withdrawal_open_month",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="\n    IF EXISTS (SELECT FROM billing_monthclose c WHERE c.workspace_id = NEW.workspace_id\n               AND c.month = NEW.month) THEN\n        RAISE EXCEPTION 'append-only: a bill of the closed month % cannot be withdrawn', NEW.month\n            USING ERRCODE = 'integrity_constraint_violation';\n    END IF;\n    NEW.transaction := txid_current();\n    RETURN NEW;\n",
                                    hash="3b49dbb1a792fd8f50dbf8a39747a3ae796dbede",
                                    operation="INSERT",
                                    pgid="pgtrigger_invoice_withdrawal_open_month_623ad",
                                    table="billing_invoicewithdrawal",
                                    when="BEFORE",
                                ),
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="InvoiceMapping",
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
                        ("provider", models.CharField(max_length=40)),
                        ("columns", models.JSONField()),
                        (
                            "author",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        ("created_at", models.DateTimeField()),
                    ],
                    options={
                        "indexes": [
                            models.Index(
                                fields=["workspace", "provider", "created_at"], name="invoice_mapping_newest"
                            )
                        ],
                        "triggers": [
                            pgtrigger.compiler.Trigger(
                                name="invoice_mapping_append_only",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                                    hash="0dcd87ec1cbc94ec96558b209e1a6ab49bcd1ff9",
                                    operation="UPDATE OR DELETE",
                                    pgid="pgtrigger_invoice_mapping_append_only_37b36",
                                    table="billing_invoicemapping",
                                    when="BEFORE",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="invoice_mapping_no_truncate",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="RAISE EXCEPTION 'append-only: invoice_mapping cannot be truncated';",
                                    hash="e41cb93fee4dfd7e020d4a2281921cbc02c74098",
                                    level="STATEMENT",
                                    operation="TRUNCATE",
                                    pgid="pgtrigger_invoice_mapping_no_truncate_8bf1b",
                                    table="billing_invoicemapping",
                                    when="BEFORE",
                                ),
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="InvoiceTolerance",
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
                        ("provider", models.CharField(max_length=40)),
                        (
                            "money",
                            models.DecimalField(decimal_places=8, default=Decimal("0.01"), max_digits=20),
                        ),
                        (
                            "share",
                            models.DecimalField(decimal_places=8, default=Decimal("0.02"), max_digits=9),
                        ),
                        ("minutes", models.PositiveSmallIntegerField(default=15)),
                        (
                            "rounding",
                            models.DecimalField(decimal_places=8, default=Decimal("0.005"), max_digits=20),
                        ),
                        (
                            "author",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        ("created_at", models.DateTimeField()),
                    ],
                    options={
                        "indexes": [
                            models.Index(
                                fields=["workspace", "provider", "created_at"],
                                name="invoice_tolerance_newest",
                            )
                        ],
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("minutes__lte", 1440),
                                    ("money__gte", 0),
                                    ("rounding__gte", 0),
                                    ("share__gte", 0),
                                    ("share__lte", 1),
                                ),
                                name="invoice_tolerance_in_range",
                            )
                        ],
                        "triggers": [
                            pgtrigger.compiler.Trigger(
                                name="invoice_tolerance_append_only",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                                    hash="52bfc924e23d80702bed682515da55b229d8f5f0",
                                    operation="UPDATE OR DELETE",
                                    pgid="pgtrigger_invoice_tolerance_append_only_4e808",
                                    table="billing_invoicetolerance",
                                    when="BEFORE",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="invoice_tolerance_no_truncate",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="RAISE EXCEPTION 'append-only: invoice_tolerance cannot be truncated';",
                                    hash="89e46c115fae61259675a70381fd2bb4ba3d6ee8",
                                    level="STATEMENT",
                                    operation="TRUNCATE",
                                    pgid="pgtrigger_invoice_tolerance_no_truncate_43301",
                                    table="billing_invoicetolerance",
                                    when="BEFORE",
                                ),
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="InvoiceUpload",
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
                        ("provider", models.CharField(max_length=40)),
                        ("month", models.CharField(max_length=7)),
                        (
                            "source",
                            models.CharField(
                                choices=[("invoice", "Invoice"), ("usage", "Usage export")], max_length=7
                            ),
                        ),
                        ("number", models.CharField(blank=True, max_length=80)),
                        ("currency", models.CharField(blank=True, max_length=47)),
                        ("file_name", models.CharField(max_length=200)),
                        ("content", models.BinaryField()),
                        (
                            "uploaded_by",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        ("uploaded_at", models.DateTimeField()),
                    ],
                ),
                migrations.CreateModel(
                    name="Invoice",
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
                        ("provider", models.CharField(max_length=40)),
                        ("month", models.CharField(max_length=7)),
                        (
                            "source",
                            models.CharField(
                                choices=[("invoice", "Invoice"), ("usage", "Usage export")], max_length=7
                            ),
                        ),
                        ("number", models.CharField(blank=True, max_length=80)),
                        ("currency", models.CharField(max_length=47)),
                        ("line_count", models.PositiveIntegerField()),
                        ("native_amount", models.DecimalField(decimal_places=8, max_digits=20)),
                        ("amount", models.DecimalField(decimal_places=8, max_digits=20)),
                        ("digest", models.CharField(max_length=64)),
                        ("file_name", models.CharField(max_length=200)),
                        ("columns", models.JSONField()),
                        (
                            "imported_by",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        ("imported_at", models.DateTimeField()),
                    ],
                    options={
                        "indexes": [
                            models.Index(fields=["workspace", "month", "provider"], name="invoice_of_month")
                        ],
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("workspace", "provider", "digest"), name="invoice_file_once"
                            )
                        ],
                        "triggers": [
                            pgtrigger.compiler.Trigger(
                                name="invoice_append_only",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="\n    IF TG_OP = 'DELETE' AND EXISTS (\n        SELECT FROM billing_invoicewithdrawal w WHERE w.transaction = txid_current() AND w.invoice = OLD.id\n    ) THEN\n        RETURN OLD;\n    END IF;\n    RAISE EXCEPTION 'append-only: Cannot update or delete rows from % table', TG_TABLE_NAME;\n",
                                    hash="2bc1464ec81718d44ed262993eebab3469048f5d",
                                    operation="UPDATE OR DELETE",
                                    pgid="pgtrigger_invoice_append_only_a6f42",
                                    table="billing_invoice",
                                    when="BEFORE",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="invoice_no_truncate",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="RAISE EXCEPTION 'append-only: invoice cannot be truncated';",
                                    hash="a8aaedce534fc88625466aadad8245baafe02f40",
                                    level="STATEMENT",
                                    operation="TRUNCATE",
                                    pgid="pgtrigger_invoice_no_truncate_dfd37",
                                    table="billing_invoice",
                                    when="BEFORE",
                                ),
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="InvoiceLine",
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
                            "invoice",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="lines",
                                to="billing.invoice",
                            ),
                        ),
                        ("provider", models.CharField(max_length=40)),
                        ("number", models.PositiveIntegerField()),
                        (
                            "kind",
                            models.CharField(
                                choices=[
                                    ("usage", "Usage"),
                                    ("tax", "Tax"),
                                    ("fee", "Fee or minimum"),
                                    ("credit", "Credit"),
                                ],
                                max_length=6,
                            ),
                        ),
                        ("job_id", models.CharField(blank=True, max_length=200)),
                        ("model", models.CharField(blank=True, max_length=200)),
                        ("service_at", models.DateTimeField()),
                        ("day_only", models.BooleanField(default=False)),
                        ("quantity", models.DecimalField(decimal_places=8, max_digits=20, null=True)),
                        ("unit", models.CharField(blank=True, max_length=40)),
                        ("native_amount", models.DecimalField(decimal_places=8, max_digits=20)),
                        ("currency", models.CharField(max_length=47)),
                        ("rate", models.DecimalField(decimal_places=10, max_digits=20)),
                        ("amount", models.DecimalField(decimal_places=8, max_digits=20)),
                        ("description", models.CharField(blank=True, max_length=300)),
                        ("key", models.CharField(blank=True, max_length=120)),
                        ("digest", models.CharField(max_length=64)),
                    ],
                    options={
                        "indexes": [
                            models.Index(fields=["invoice", "number"], name="invoice_line_of_invoice")
                        ],
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("workspace", "provider", "digest"), name="invoice_line_once"
                            )
                        ],
                        "triggers": [
                            pgtrigger.compiler.Trigger(
                                name="invoice_line_append_only",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="\n    IF TG_OP = 'DELETE' AND EXISTS (\n        SELECT FROM billing_invoicewithdrawal w WHERE w.transaction = txid_current() AND w.invoice = OLD.invoice_id\n    ) THEN\n        RETURN OLD;\n    END IF;\n    RAISE EXCEPTION 'append-only: Cannot update or delete rows from % table', TG_TABLE_NAME;\n",
                                    hash="f8c19a74c1993936cef0ecb9a4cec94650d64759",
                                    operation="UPDATE OR DELETE",
                                    pgid="pgtrigger_invoice_line_append_only_05fce",
                                    table="billing_invoiceline",
                                    when="BEFORE",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="invoice_line_no_truncate",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="RAISE EXCEPTION 'append-only: invoice_line cannot be truncated';",
                                    hash="262840948dac5feaa349c449abf6914cda0df876",
                                    level="STATEMENT",
                                    operation="TRUNCATE",
                                    pgid="pgtrigger_invoice_line_no_truncate_02c3b",
                                    table="billing_invoiceline",
                                    when="BEFORE",
                                ),
                            ),
                        ],
                    },
                ),
                CreatePartitionedModel(
                    name="Entry",
                    fields=[
                        (
                            "pk",
                            models.CompositePrimaryKey(
                                "id",
                                "effective_at",
                                blank=True,
                                editable=False,
                                primary_key=True,
                                serialize=False,
                            ),
                        ),
                        ("id", models.UUIDField(default=projects.identifiers.new_id, editable=False)),
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
                            "kind",
                            models.CharField(
                                choices=[
                                    ("charge", "Charge"),
                                    ("refund", "Refund"),
                                    ("adjustment", "Adjustment"),
                                    ("accrual", "Accrual"),
                                    ("transfer", "Transfer between pots"),
                                ],
                                max_length=10,
                            ),
                        ),
                        ("debit", models.CharField(max_length=60)),
                        ("credit", models.CharField(max_length=60)),
                        ("amount", models.DecimalField(decimal_places=8, max_digits=20)),
                        ("native_amount", models.DecimalField(decimal_places=8, max_digits=20, null=True)),
                        ("native_currency", models.CharField(blank=True, max_length=47)),
                        ("rate", models.DecimalField(decimal_places=10, max_digits=20, null=True)),
                        ("service_at", models.DateTimeField()),
                        ("booked_at", models.DateTimeField()),
                        ("effective_at", models.DateTimeField()),
                        (
                            "stage",
                            models.CharField(
                                blank=True,
                                choices=[
                                    ("generation", "Generation"),
                                    ("control", "Control"),
                                    ("refinement", "Refinement"),
                                ],
                                max_length=10,
                            ),
                        ),
                        ("failed_charged", models.BooleanField(default=False)),
                        ("refunds", models.UUIDField(null=True)),
                        ("corrects", models.UUIDField(null=True)),
                        ("decision", models.BigIntegerField(null=True)),
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
                        ("category", models.CharField(blank=True, max_length=120)),
                        ("phase", models.CharField(blank=True, max_length=5)),
                        ("tier", models.CharField(blank=True, max_length=12)),
                        ("provider", models.CharField(blank=True, max_length=40)),
                        ("model", models.CharField(blank=True, max_length=200)),
                        ("routing_version", models.CharField(blank=True, max_length=12)),
                        ("pipeline", models.CharField(blank=True, max_length=140)),
                        ("prompt_template", models.CharField(blank=True, max_length=140)),
                        ("seed_policy", models.CharField(blank=True, max_length=12)),
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
                        ("person_email", models.CharField(blank=True, max_length=254)),
                        ("run", models.UUIDField(null=True)),
                        ("call", models.UUIDField(null=True)),
                        ("hold", models.UUIDField(null=True)),
                        ("price_row", models.UUIDField(null=True)),
                        ("units", models.DecimalField(decimal_places=8, max_digits=20, null=True)),
                        ("computed_amount", models.DecimalField(decimal_places=8, max_digits=20, null=True)),
                        ("calculation", models.CharField(blank=True, max_length=300)),
                        ("external_id", models.CharField(blank=True, max_length=200)),
                        ("note", models.CharField(blank=True, max_length=300)),
                    ],
                    options={
                        "indexes": [
                            models.Index(fields=["workspace", "effective_at"], name="entry_of_workspace"),
                            models.Index(fields=["deliverable", "effective_at"], name="entry_of_deliverable"),
                            models.Index(fields=["take"], name="entry_of_take"),
                            models.Index(fields=["campaign", "effective_at"], name="entry_of_campaign"),
                            models.Index(
                                condition=models.Q(("deliverable__isnull", True)),
                                fields=["workspace", "effective_at"],
                                name="entry_without_deliverable",
                            ),
                            models.Index(
                                condition=models.Q(("effective_at", models.F("service_at")), _negated=True),
                                fields=["workspace", "service_at"],
                                name="entry_counted_elsewhere",
                            ),
                            models.Index(
                                condition=models.Q(("refunds__isnull", False)),
                                fields=["refunds"],
                                name="entry_refunds",
                            ),
                            models.Index(
                                condition=models.Q(("computed_amount__isnull", False)),
                                fields=["workspace", "effective_at"],
                                name="entry_reported",
                            ),
                        ],
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(("debit", models.F("credit")), _negated=True),
                                name="entry_two_accounts",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(
                                        ("decision__isnull", False),
                                        ("deliverable__isnull", False),
                                        ("kind", "transfer"),
                                    ),
                                    models.Q(
                                        ("campaign__isnull", False),
                                        ("decision__isnull", False),
                                        ("kind", "transfer"),
                                        ("stage", "shared"),
                                    ),
                                    models.Q(
                                        models.Q(("kind", "transfer"), _negated=True),
                                        ("decision__isnull", True),
                                    ),
                                    _connector="OR",
                                ),
                                name="entry_transfer_of_decision",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("kind", "transfer"), ("credit__startswith", "provider:"), _connector="OR"
                                ),
                                name="entry_cash_owed_to_provider",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(("kind", "refund"), _negated=True),
                                    models.Q(("amount__lte", 0), ("refunds__isnull", False)),
                                    _connector="OR",
                                ),
                                name="entry_refund_names_charge",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("deliverable__isnull", False), ("take__isnull", True), _connector="OR"
                                ),
                                name="entry_take_has_deliverable",
                            ),
                        ],
                        "triggers": [
                            pgtrigger.compiler.Trigger(
                                name="entry_append_only",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                                    hash="f128f8d06803caec5eee9351139f8dd78f961cbd",
                                    operation="UPDATE OR DELETE",
                                    pgid="pgtrigger_entry_append_only_84005",
                                    table="billing_entry",
                                    when="BEFORE",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="entry_no_truncate",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="RAISE EXCEPTION 'append-only: entry cannot be truncated';",
                                    hash="ad6f26caac9e8b0f5686ee04e61ecc0b8890fc45",
                                    level="STATEMENT",
                                    operation="TRUNCATE",
                                    pgid="pgtrigger_entry_no_truncate_cd686",
                                    table="billing_entry",
                                    when="BEFORE",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="entry_pot_days",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="\n    INSERT INTO billing_potday (workspace_id, day, account, amount)\n    SELECT workspace_id, day, account, sum(amount) FROM (\n        SELECT workspace_id, (effective_at AT TIME ZONE 'UTC')::date AS day, debit AS account, amount\n        FROM added\n        UNION ALL\n        SELECT workspace_id, (effective_at AT TIME ZONE 'UTC')::date, credit, -amount\n        FROM added WHERE kind = 'transfer'\n        UNION ALL\n        SELECT workspace_id, (effective_at AT TIME ZONE 'UTC')::date, 'spent', amount\n        FROM added WHERE kind <> 'transfer'\n    ) moved\n    GROUP BY 1, 2, 3 HAVING sum(amount) <> 0;\n    RETURN NULL;\n",
                                    hash="79fc37f3bc03e9c7719d44ae1a25a685239837ec",
                                    level="STATEMENT",
                                    operation="INSERT",
                                    pgid="pgtrigger_entry_pot_days_c983a",
                                    referencing="REFERENCING NEW TABLE AS added ",
                                    table="billing_entry",
                                    when="AFTER",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="entry_spend_days",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="\n    INSERT INTO billing_spendday (workspace_id, day, provider, model, price_row, native_currency, amount)\n    SELECT workspace_id, (effective_at AT TIME ZONE 'UTC')::date, provider, model, price_row,\n           native_currency, sum(amount)\n    FROM added WHERE kind <> 'transfer'\n    GROUP BY 1, 2, 3, 4, 5, 6 HAVING sum(amount) <> 0;\n    RETURN NULL;\n",
                                    hash="4f7d4ffd7fc9e5694870a6bf7638e6e21408f4d8",
                                    level="STATEMENT",
                                    operation="INSERT",
                                    pgid="pgtrigger_entry_spend_days_8069f",
                                    referencing="REFERENCING NEW TABLE AS added ",
                                    table="billing_entry",
                                    when="AFTER",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="entry_open_month",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    declare="DECLARE place record;",
                                    func="\n    FOR place IN SELECT workspace_id, min(effective_at) AS first, min(id::text)::uuid AS lowest\n                 FROM added GROUP BY workspace_id LOOP\n        IF place.first < billing_open_from(place.workspace_id) THEN\n            RAISE EXCEPTION 'the month of % is closed', place.first\n                USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_into_closed_month';\n        END IF;\n        IF place.lowest < (SELECT max(s.until::text)::uuid FROM billing_sealedday s\n                           WHERE s.workspace_id = place.workspace_id) THEN\n            RAISE EXCEPTION 'entry % falls among sealed ones', place.lowest\n                USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_into_sealed_day';\n        END IF;\n    END LOOP;\n    RETURN NULL;\n",
                                    hash="76d3fadf2db7a059c9bdde832082852a88c5db8b",
                                    level="STATEMENT",
                                    operation="INSERT",
                                    pgid="pgtrigger_entry_open_month_14382",
                                    referencing="REFERENCING NEW TABLE AS added ",
                                    table="billing_entry",
                                    when="AFTER",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="entry_touches",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="\n    INSERT INTO projects_touch (workspace_id, deliverable_id)\n    SELECT DISTINCT workspace_id, deliverable_id FROM added\n    WHERE deliverable_id IS NOT NULL AND kind <> 'transfer';\n    RETURN NULL;\n",
                                    hash="8d178196440a411fe3645ef4fe4888ceccd1c7fb",
                                    level="STATEMENT",
                                    operation="INSERT",
                                    pgid="pgtrigger_entry_touches_634b0",
                                    referencing="REFERENCING NEW TABLE AS added ",
                                    table="billing_entry",
                                    when="AFTER",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="entry_refund_within_charge",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    condition="WHEN (NEW.\"kind\" = 'refund')",
                                    constraint="CONSTRAINT",
                                    declare="DECLARE charged numeric; given numeric;",
                                    func="\n    PERFORM pg_advisory_xact_lock(hashtextextended(NEW.refunds::text, 1));\n    SELECT amount INTO charged FROM billing_entry WHERE id = NEW.refunds AND kind = 'charge';\n    SELECT -sum(amount) INTO given FROM billing_entry WHERE refunds = NEW.refunds;\n    IF charged IS NULL OR given > charged THEN\n        RAISE EXCEPTION 'refund of entry %: % of % would be given back', NEW.refunds, given, charged\n            USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_refund_within_charge';\n    END IF;\n    RETURN NULL;\n",
                                    hash="37df1b58b73c9f50f0e6d2f020dc26a8a982591b",
                                    operation="INSERT",
                                    pgid="pgtrigger_entry_refund_within_charge_dd715",
                                    table="billing_entry",
                                    timing="DEFERRABLE INITIALLY DEFERRED",
                                    when="AFTER",
                                ),
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="ImportedCharge",
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
                        ("external_id", models.CharField(max_length=200)),
                        ("entry", models.UUIDField(null=True)),
                        ("digest", models.CharField(max_length=64)),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("workspace", "external_id"), name="imported_charge_once"
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="ImportedDecision",
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
                        ("digest", models.CharField(max_length=64)),
                        ("decision", models.BigIntegerField()),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("workspace", "digest"), name="imported_decision_once"
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="JournalSetup",
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
                        ("accounts", models.JSONField(default=dict)),
                        ("columns", models.JSONField(default=list)),
                        ("consultant", models.PositiveIntegerField(null=True)),
                        ("client", models.PositiveIntegerField(null=True)),
                        ("account_length", models.PositiveSmallIntegerField(default=4)),
                        ("year_begins_in", models.PositiveSmallIntegerField(default=1)),
                        ("tax_rate", models.CharField(default="Tax Exempt", max_length=60)),
                        ("tracking", models.CharField(default="Cost centre", max_length=60)),
                        (
                            "author",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        ("made_at", models.DateTimeField()),
                    ],
                    options={
                        "indexes": [
                            models.Index(fields=["workspace", "id"], name="journal_setup_of_workspace")
                        ],
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("account_length__range", (4, 8)), ("year_begins_in__range", (1, 12))
                                ),
                                name="journal_setup_sane",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(
                                        ("consultant", None),
                                        ("consultant__range", (1001, 9999999)),
                                        _connector="OR",
                                    ),
                                    models.Q(
                                        ("client", None), ("client__range", (1, 99999)), _connector="OR"
                                    ),
                                ),
                                name="journal_setup_datev_numbers",
                            ),
                        ],
                        "triggers": [
                            pgtrigger.compiler.Trigger(
                                name="journal_setup_append_only",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                                    hash="3cf1209d465fc36be4915c4c92374053a752f76d",
                                    operation="UPDATE OR DELETE",
                                    pgid="pgtrigger_journal_setup_append_only_b85be",
                                    table="billing_journalsetup",
                                    when="BEFORE",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="journal_setup_no_truncate",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="RAISE EXCEPTION 'append-only: journal_setup cannot be truncated';",
                                    hash="e68771a9829548063adaf65281f0af7e9cf219c6",
                                    level="STATEMENT",
                                    operation="TRUNCATE",
                                    pgid="pgtrigger_journal_setup_no_truncate_faf7b",
                                    table="billing_journalsetup",
                                    when="BEFORE",
                                ),
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="MarkUp",
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
                            "project",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="mark_ups",
                                to="projects.project",
                            ),
                        ),
                        ("percent", models.DecimalField(decimal_places=3, max_digits=7)),
                        ("first_month", models.CharField(max_length=7)),
                        ("reason", models.CharField(max_length=300)),
                        (
                            "author",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        ("made_at", models.DateTimeField()),
                    ],
                    options={
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(("percent__range", (0, 1000))), name="mark_up_sane"
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("first_month__regex", "^\\d{4}-(0[1-9]|1[0-2])$")),
                                name="mark_up_month",
                            ),
                        ],
                        "triggers": [
                            pgtrigger.compiler.Trigger(
                                name="mark_up_append_only",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                                    hash="af4032f24268e39af7d71be652a55cb858944469",
                                    operation="UPDATE OR DELETE",
                                    pgid="pgtrigger_mark_up_append_only_d9edf",
                                    table="billing_markup",
                                    when="BEFORE",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="mark_up_no_truncate",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="RAISE EXCEPTION 'append-only: mark_up cannot be truncated';",
                                    hash="1ada02f3cb28ddf7eedd82b23fec8306775e0089",
                                    level="STATEMENT",
                                    operation="TRUNCATE",
                                    pgid="pgtrigger_mark_up_no_truncate_12f73",
                                    table="billing_markup",
                                    when="BEFORE",
                                ),
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="PriceDecision",
                    fields=[
                        (
                            "row",
                            models.OneToOneField(
                                on_delete=django.db.models.deletion.PROTECT,
                                primary_key=True,
                                related_name="decision",
                                serialize=False,
                                to="billing.pricerow",
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
                            "decision",
                            models.CharField(
                                choices=[("approved", "Approved"), ("declined", "Declined")], max_length=8
                            ),
                        ),
                        ("note", models.CharField(blank=True, max_length=300)),
                        (
                            "decided_by",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        ("decided_at", models.DateTimeField()),
                    ],
                    options={
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(("decision__in", ["approved", "declined"])),
                                name="price_decision_kind",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("decision", "approved"),
                                    models.Q(("note", ""), _negated=True),
                                    _connector="OR",
                                ),
                                name="price_declined_with_reason",
                            ),
                        ],
                        "triggers": [
                            pgtrigger.compiler.Trigger(
                                name="price_decision_append_only",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                                    hash="0430e5fa1878d6d4c7434aaba5dbbeeede818e57",
                                    operation="UPDATE OR DELETE",
                                    pgid="pgtrigger_price_decision_append_only_847a0",
                                    table="billing_pricedecision",
                                    when="BEFORE",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="price_decision_no_truncate",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="RAISE EXCEPTION 'append-only: price_decision cannot be truncated';",
                                    hash="ff2acf08df9b880ada2d9fdd140b05e255091547",
                                    level="STATEMENT",
                                    operation="TRUNCATE",
                                    pgid="pgtrigger_price_decision_no_truncate_0a967",
                                    table="billing_pricedecision",
                                    when="BEFORE",
                                ),
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="LineMatch",
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
                        ("provider", models.CharField(max_length=40)),
                        (
                            "line",
                            models.OneToOneField(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="match",
                                to="billing.invoiceline",
                            ),
                        ),
                        ("entry", models.UUIDField()),
                        ("part", models.PositiveSmallIntegerField(default=1)),
                        (
                            "by",
                            models.CharField(
                                choices=[
                                    ("job", "Job id"),
                                    ("details", "Model, time and amount"),
                                    ("given_back", "Given back in full"),
                                ],
                                max_length=10,
                            ),
                        ),
                        ("why", models.CharField(max_length=300)),
                        ("matched_at", models.DateTimeField()),
                    ],
                    options={
                        "indexes": [
                            models.Index(fields=["workspace", "provider"], name="line_match_of_provider")
                        ],
                        "constraints": [
                            models.UniqueConstraint(fields=("entry", "part"), name="line_match_entry_once"),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("line__isnull", False), ("by", "given_back"), _connector="OR"
                                ),
                                name="line_match_has_line",
                            ),
                        ],
                        "triggers": [
                            pgtrigger.compiler.Trigger(
                                name="line_match_append_only",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="\n    IF TG_OP = 'DELETE' AND EXISTS (\n        SELECT FROM billing_invoicewithdrawal w WHERE w.transaction = txid_current() AND w.workspace_id = OLD.workspace_id AND w.provider = OLD.provider\n    ) THEN\n        RETURN OLD;\n    END IF;\n    RAISE EXCEPTION 'append-only: Cannot update or delete rows from % table', TG_TABLE_NAME;\n",
                                    hash="13749d24e275bd0dba2fe6b353414baf9d7041b1",
                                    operation="UPDATE OR DELETE",
                                    pgid="pgtrigger_line_match_append_only_86f34",
                                    table="billing_linematch",
                                    when="BEFORE",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="line_match_no_truncate",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="RAISE EXCEPTION 'append-only: line_match cannot be truncated';",
                                    hash="5ea75dabaeb44701dbfe9cdbd8afdd31f7ac4333",
                                    level="STATEMENT",
                                    operation="TRUNCATE",
                                    pgid="pgtrigger_line_match_no_truncate_3387d",
                                    table="billing_linematch",
                                    when="BEFORE",
                                ),
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Difference",
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
                        ("provider", models.CharField(max_length=40)),
                        ("month", models.CharField(max_length=7)),
                        (
                            "kind",
                            models.CharField(
                                choices=[
                                    ("missing_here", "Missing here"),
                                    ("missing_there", "Missing there"),
                                    ("price", "Price"),
                                    ("quantity", "Quantity"),
                                    ("rounding", "Rounding"),
                                    ("duplicate", "Duplicate"),
                                    ("cut_off", "Cut-off"),
                                    ("tax", "Tax"),
                                    ("exchange", "Exchange"),
                                    ("fee", "Fee or minimum"),
                                    ("credit_note", "Credit note"),
                                ],
                                max_length=13,
                            ),
                        ),
                        ("amount", models.DecimalField(decimal_places=8, max_digits=20)),
                        ("ours", models.DecimalField(decimal_places=8, max_digits=20)),
                        (
                            "line",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="differences",
                                to="billing.invoiceline",
                            ),
                        ),
                        ("entry", models.UUIDField(null=True)),
                        (
                            "match",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="differences",
                                to="billing.linematch",
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
                        ("stage", models.CharField(blank=True, max_length=10)),
                        ("model", models.CharField(blank=True, max_length=200)),
                        ("service_at", models.DateTimeField()),
                        ("why", models.CharField(max_length=300)),
                        ("found_at", models.DateTimeField()),
                    ],
                    options={
                        "indexes": [
                            models.Index(
                                fields=["workspace", "provider", "month", "kind"], name="difference_of_month"
                            )
                        ],
                        "constraints": [
                            models.UniqueConstraint(
                                condition=models.Q(("line__isnull", False)),
                                fields=("line", "kind", "month"),
                                name="difference_of_line_once",
                            ),
                            models.UniqueConstraint(
                                condition=models.Q(("line__isnull", True)),
                                fields=("entry", "kind", "month"),
                                name="difference_of_entry_once",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("line__isnull", False), ("entry__isnull", False), _connector="OR"
                                ),
                                name="difference_names_row",
                            ),
                        ],
                        "triggers": [
                            pgtrigger.compiler.Trigger(
                                name="difference_append_only",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="\n    IF TG_OP = 'DELETE' AND EXISTS (\n        SELECT FROM billing_invoicewithdrawal w WHERE w.transaction = txid_current() AND w.workspace_id = OLD.workspace_id AND w.provider = OLD.provider\n    ) THEN\n        RETURN OLD;\n    END IF;\n    RAISE EXCEPTION 'append-only: Cannot update or delete rows from % table', TG_TABLE_NAME;\n",
                                    hash="dfa188a5a5c860460c2fa391448ada981eb5e600",
                                    operation="UPDATE OR DELETE",
                                    pgid="pgtrigger_difference_append_only_f26f6",
                                    table="billing_difference",
                                    when="BEFORE",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="difference_no_truncate",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="RAISE EXCEPTION 'append-only: difference cannot be truncated';",
                                    hash="cd96ac2b569cc16a1f8914afb4fc74357b645275",
                                    level="STATEMENT",
                                    operation="TRUNCATE",
                                    pgid="pgtrigger_difference_no_truncate_48b2f",
                                    table="billing_difference",
                                    when="BEFORE",
                                ),
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="DifferenceStep",
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
                            "difference",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="steps",
                                to="billing.difference",
                            ),
                        ),
                        ("number", models.PositiveSmallIntegerField()),
                        (
                            "outcome",
                            models.CharField(
                                choices=[
                                    ("accepted", "Accepted"),
                                    ("adjusted", "Adjusted"),
                                    ("undone", "Open again"),
                                ],
                                max_length=8,
                            ),
                        ),
                        ("reason", models.CharField(max_length=300)),
                        ("as_class", models.BooleanField(default=False)),
                        ("entry", models.UUIDField(null=True, unique=True)),
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
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("difference", "number"), name="difference_step_once"
                            ),
                            models.UniqueConstraint(
                                condition=models.Q(("outcome", "adjusted")),
                                fields=("difference",),
                                name="difference_adjusted_once",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(("entry__isnull", False), ("outcome", "adjusted")),
                                    models.Q(
                                        models.Q(("outcome", "adjusted"), _negated=True),
                                        ("entry__isnull", True),
                                    ),
                                    _connector="OR",
                                ),
                                name="difference_step_adjusted_has_entry",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("reason", ""), _negated=True),
                                name="difference_step_has_reason",
                            ),
                        ],
                        "triggers": [
                            pgtrigger.compiler.Trigger(
                                name="difference_step_append_only",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="\n    IF TG_OP = 'DELETE' AND EXISTS (\n        SELECT FROM billing_invoicewithdrawal w WHERE w.transaction = txid_current() AND \n    OLD.outcome <> 'adjusted' AND EXISTS (SELECT FROM billing_difference d WHERE d.id = OLD.difference_id\n        AND d.workspace_id = w.workspace_id AND d.provider = w.provider)\n\n    ) THEN\n        RETURN OLD;\n    END IF;\n    RAISE EXCEPTION 'append-only: Cannot update or delete rows from % table', TG_TABLE_NAME;\n",
                                    hash="88949a2325f81349ff8d68513ecfefd23b7c0acb",
                                    operation="UPDATE OR DELETE",
                                    pgid="pgtrigger_difference_step_append_only_b4601",
                                    table="billing_differencestep",
                                    when="BEFORE",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="difference_step_no_truncate",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="RAISE EXCEPTION 'append-only: difference_step cannot be truncated';",
                                    hash="815316ba4975d7d88161f51fe4ef6c4f67081bd5",
                                    level="STATEMENT",
                                    operation="TRUNCATE",
                                    pgid="pgtrigger_difference_step_no_truncate_70bf0",
                                    table="billing_differencestep",
                                    when="BEFORE",
                                ),
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="AssignmentRule",
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
                        ("provider", models.CharField(blank=True, max_length=40)),
                        ("model", models.CharField(blank=True, max_length=200)),
                        ("key", models.CharField(blank=True, max_length=120)),
                        ("since", models.DateTimeField(null=True)),
                        ("until", models.DateTimeField(null=True)),
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
                                name="assignment_rule_append_only",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                                    hash="2cabdef4e277d394d608ab7a84f62d7a3b33b2f1",
                                    operation="UPDATE OR DELETE",
                                    pgid="pgtrigger_assignment_rule_append_only_9dd8a",
                                    table="billing_assignmentrule",
                                    when="BEFORE",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="assignment_rule_no_truncate",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="RAISE EXCEPTION 'append-only: assignment_rule cannot be truncated';",
                                    hash="d788fb60850b806b63a17e7bf67628f2a8428741",
                                    level="STATEMENT",
                                    operation="TRUNCATE",
                                    pgid="pgtrigger_assignment_rule_no_truncate_4fb36",
                                    table="billing_assignmentrule",
                                    when="BEFORE",
                                ),
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Assignment",
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
                        ("entry", models.UUIDField(unique=True)),
                        ("taken_out", models.UUIDField(unique=True)),
                        ("put_in", models.UUIDField(unique=True)),
                        (
                            "campaign",
                            models.ForeignKey(
                                db_index=False,
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
                        (
                            "rule",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="assignments",
                                to="billing.assignmentrule",
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
                                name="assignment_append_only",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                                    hash="42ecb7aa6db9c0117dec1c9ed77fd166a8fa0d74",
                                    operation="UPDATE OR DELETE",
                                    pgid="pgtrigger_assignment_append_only_0e171",
                                    table="billing_assignment",
                                    when="BEFORE",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="assignment_no_truncate",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="RAISE EXCEPTION 'append-only: assignment cannot be truncated';",
                                    hash="1c2d69f08aa0364efe88272244ac014bf8fc1a49",
                                    level="STATEMENT",
                                    operation="TRUNCATE",
                                    pgid="pgtrigger_assignment_no_truncate_0f1b4",
                                    table="billing_assignment",
                                    when="BEFORE",
                                ),
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="CostShare",
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
                            "campaign",
                            models.ForeignKey(
                                db_index=False,
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
                        ("decision", models.BigIntegerField()),
                        ("at", models.DateTimeField()),
                        ("amount", models.DecimalField(decimal_places=8, max_digits=20)),
                        ("unspread", models.DecimalField(decimal_places=8, max_digits=20)),
                        ("among", models.PositiveIntegerField()),
                        ("entry", models.UUIDField()),
                        ("booked_at", models.DateTimeField()),
                    ],
                    options={
                        "indexes": [
                            models.Index(fields=["deliverable", "at"], name="cost_share_of_deliverable"),
                            models.Index(fields=["campaign", "at"], name="cost_share_of_campaign"),
                            models.Index(fields=["workspace", "at"], name="cost_share_of_workspace"),
                        ],
                        "constraints": [
                            models.UniqueConstraint(fields=("entry",), name="cost_share_entry_once"),
                            models.CheckConstraint(
                                condition=models.Q(("amount", 0), _negated=True),
                                name="cost_share_of_something",
                            ),
                        ],
                        "triggers": [
                            pgtrigger.compiler.Trigger(
                                name="cost_share_append_only",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                                    hash="e0abf795e3da6130cc347d8c80f538934d7ac157",
                                    operation="UPDATE OR DELETE",
                                    pgid="pgtrigger_cost_share_append_only_06260",
                                    table="billing_costshare",
                                    when="BEFORE",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="cost_share_no_truncate",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="RAISE EXCEPTION 'append-only: cost_share cannot be truncated';",
                                    hash="be844f2b152fd3d60aa4b8d50ec3e766dd3e17bc",
                                    level="STATEMENT",
                                    operation="TRUNCATE",
                                    pgid="pgtrigger_cost_share_no_truncate_4e21c",
                                    table="billing_costshare",
                                    when="BEFORE",
                                ),
                            ),
                            pgtrigger.compiler.Trigger(
                                name="cost_share_touches",
                                sql=pgtrigger.compiler.UpsertTriggerSql(
                                    func="\n    INSERT INTO projects_touch (workspace_id, deliverable_id)\n    SELECT DISTINCT workspace_id, deliverable_id FROM added WHERE deliverable_id IS NOT NULL;\n    RETURN NULL;\n",
                                    hash="8838a44eb6a012dae6c4e5733153e1744ed8ad59",
                                    level="STATEMENT",
                                    operation="INSERT",
                                    pgid="pgtrigger_cost_share_touches_fce4f",
                                    referencing="REFERENCING NEW TABLE AS added ",
                                    table="billing_costshare",
                                    when="AFTER",
                                ),
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="DeliverableCost",
                    fields=[
                        (
                            "deliverable",
                            models.OneToOneField(
                                on_delete=django.db.models.deletion.PROTECT,
                                primary_key=True,
                                related_name="cost",
                                serialize=False,
                                to="projects.deliverable",
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
                        ("generation", models.DecimalField(decimal_places=8, default=0, max_digits=20)),
                        ("control", models.DecimalField(decimal_places=8, default=0, max_digits=20)),
                        ("refinement", models.DecimalField(decimal_places=8, default=0, max_digits=20)),
                        ("reserved", models.DecimalField(decimal_places=8, default=0, max_digits=20)),
                    ],
                ),
                migrations.CreateModel(
                    name="PotDay",
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
                        ("day", models.DateField()),
                        ("account", models.CharField(max_length=60)),
                        ("amount", models.DecimalField(decimal_places=8, max_digits=24)),
                    ],
                    options={
                        "indexes": [models.Index(fields=["workspace", "day"], name="pot_day_of_workspace")],
                    },
                ),
                migrations.CreateModel(
                    name="SpendDay",
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
                        ("day", models.DateField()),
                        ("provider", models.CharField(max_length=40)),
                        ("model", models.CharField(max_length=200)),
                        ("price_row", models.UUIDField(null=True)),
                        ("native_currency", models.CharField(max_length=47)),
                        ("amount", models.DecimalField(decimal_places=8, max_digits=24)),
                    ],
                    options={
                        "indexes": [models.Index(fields=["workspace", "day"], name="spend_day_of_workspace")],
                    },
                ),
                migrations.CreateModel(
                    name="MonthPart",
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
                        ("month", models.DateField()),
                        (
                            "deliverable",
                            models.ForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="projects.deliverable",
                            ),
                        ),
                        ("rows", models.JSONField()),
                        ("lead_seconds", models.DecimalField(decimal_places=6, max_digits=20, null=True)),
                    ],
                    options={
                        "indexes": [
                            models.Index(
                                condition=models.Q(("lead_seconds__isnull", False)),
                                fields=["workspace", "month", "lead_seconds"],
                                name="month_part_lead",
                            )
                        ],
                        "constraints": [
                            models.UniqueConstraint(fields=("deliverable", "month"), name="month_part_once")
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="MonthSum",
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
                        ("month", models.DateField()),
                        ("figure", models.CharField(max_length=20)),
                        ("category", models.CharField(blank=True, max_length=120)),
                        ("phase", models.CharField(blank=True, max_length=5)),
                        ("key", models.CharField(blank=True, max_length=260)),
                        ("amount", models.DecimalField(decimal_places=30, max_digits=60)),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("workspace", "month", "figure", "category", "phase", "key"),
                                name="month_sum_once",
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="SavedView",
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
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="+",
                                to="projects.workspace",
                            ),
                        ),
                        (
                            "saved_by",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        ("saved_at", models.DateTimeField()),
                        (
                            "page",
                            models.CharField(
                                choices=[
                                    ("month", "Month"),
                                    ("exceptions", "Exceptions"),
                                    ("accepted", "Accepted"),
                                    ("entries", "Entries"),
                                    ("compare", "Compare"),
                                ],
                                max_length=10,
                            ),
                        ),
                        ("name", models.CharField(max_length=80)),
                        ("query", models.CharField(max_length=500)),
                        ("shared", models.BooleanField(default=False)),
                        ("is_default", models.BooleanField(default=False)),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("workspace", "page", "saved_by", "name"), name="saved_view_name_once"
                            ),
                            models.UniqueConstraint(
                                condition=models.Q(("is_default", True)),
                                fields=("workspace", "page", "saved_by"),
                                name="saved_view_one_default",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(("name", ""), _negated=True),
                                    models.Q(("query", ""), _negated=True),
                                ),
                                name="saved_view_says_something",
                            ),
                        ],
                    },
                ),
            ]
        ),
        migrations.RunSQL(OPEN_FROM, "DROP FUNCTION billing_open_from(uuid)"),
        migrations.RunSQL(
            DECISION_GUARD,
            "DROP TRIGGER billing_decision_open ON projects_decision; DROP FUNCTION billing_decision_guard()",
        ),
    ]
