"""Bills can be withdrawn: their rows may be deleted in the transaction that says so, and in no other."""

import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models

import projects.identifiers


class Migration(migrations.Migration):
    dependencies = [
        ("billing", "0012_price_conditions"),
        ("projects", "0010_notice_of_the_month"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="InvoiceWithdrawal",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=projects.identifiers.new_id, editable=False, primary_key=True, serialize=False
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
                ("imported_at", models.DateTimeField()),
                ("reason", models.CharField(max_length=300)),
                ("at", models.DateTimeField()),
                ("transaction", models.BigIntegerField(default=0, editable=False)),
            ],
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="difference",
            name="difference_append_only",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="differencestep",
            name="difference_step_append_only",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="invoice",
            name="invoice_append_only",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="invoiceline",
            name="invoice_line_append_only",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="linematch",
            name="line_match_append_only",
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="difference",
            trigger=pgtrigger.compiler.Trigger(
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
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="differencestep",
            trigger=pgtrigger.compiler.Trigger(
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
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="invoice",
            trigger=pgtrigger.compiler.Trigger(
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
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="invoiceline",
            trigger=pgtrigger.compiler.Trigger(
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
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="linematch",
            trigger=pgtrigger.compiler.Trigger(
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
        ),
        migrations.AddField(
            model_name="invoicewithdrawal",
            name="by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="invoicewithdrawal",
            name="imported_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="invoicewithdrawal",
            name="workspace",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="projects.workspace",
            ),
        ),
        migrations.AddIndex(
            model_name="invoicewithdrawal",
            index=models.Index(fields=["workspace", "provider", "month"], name="invoice_withdrawal_of_month"),
        ),
        migrations.AddIndex(
            model_name="invoicewithdrawal",
            index=models.Index(fields=["transaction"], name="invoice_withdrawal_now"),
        ),
        migrations.AddConstraint(
            model_name="invoicewithdrawal",
            constraint=models.CheckConstraint(
                condition=models.Q(("reason", ""), _negated=True), name="invoice_withdrawal_has_reason"
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="invoicewithdrawal",
            trigger=pgtrigger.compiler.Trigger(
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
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="invoicewithdrawal",
            trigger=pgtrigger.compiler.Trigger(
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
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="invoicewithdrawal",
            trigger=pgtrigger.compiler.Trigger(
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
        ),
    ]
