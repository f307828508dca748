"""Exports of a month that are made in the background."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import projects.identifiers


class Migration(migrations.Migration):
    dependencies = [
        ("billing", "0006_closing"),
        ("projects", "0009_sounds"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ExportJob",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=projects.identifiers.new_id, editable=False, primary_key=True, serialize=False
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
                ("requested_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "requested_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
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
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "done"), _negated=True),
                            models.Q(models.Q(("file_name", ""), _negated=True), ("ended_at__isnull", False)),
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
    ]
