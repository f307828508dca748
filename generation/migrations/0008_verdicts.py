"""What a person says of a lost answer is carried out a moment later, so that it can be taken back."""

import django.db.models.deletion
from django.db import migrations, models

import projects.identifiers


class Migration(migrations.Migration):
    dependencies = [
        ("generation", "0007_call_ended_index"),
        ("projects", "0005_touch_spans"),
    ]

    operations = [
        migrations.CreateModel(
            name="Verdict",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=projects.identifiers.new_id, editable=False, primary_key=True, serialize=False
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
                ("said_at", models.DateTimeField()),
                ("due_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
                ("words", models.CharField(blank=True, max_length=200)),
                (
                    "call",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="verdicts",
                        to="generation.call",
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
                    models.Index(condition=models.Q(("state", "said")), fields=["due_at"], name="verdict_due")
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state", "said")), fields=("call",), name="verdict_one_waits"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("ended_at__isnull", True), ("state", "said")),
                            models.Q(models.Q(("state", "said"), _negated=True), ("ended_at__isnull", False)),
                            _connector="OR",
                        ),
                        name="verdict_ended_at_when_ended",
                    ),
                ],
            },
        ),
    ]
