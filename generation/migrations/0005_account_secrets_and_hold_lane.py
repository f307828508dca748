"""Secrets of accounts beside their keys, what they were before, and the lane of calls that are held open."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("generation", "0004_run_choice"),
        ("projects", "0005_touch_spans"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="provideraccount",
            name="encrypted_webhook_secret",
            field=models.BinaryField(default=bytes),
        ),
        migrations.AddField(
            model_name="provideraccount",
            name="extra",
            field=models.JSONField(blank=True, default=dict),
        ),
        migrations.AddField(
            model_name="provideraccount",
            name="key_changed_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="provideraccount",
            name="old_encrypted_key",
            field=models.BinaryField(null=True),
        ),
        migrations.AddField(
            model_name="provideraccount",
            name="old_encrypted_webhook_secret",
            field=models.BinaryField(null=True),
        ),
        migrations.AddField(
            model_name="provideraccount",
            name="old_until",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="provideraccount",
            name="region",
            field=models.CharField(blank=True, max_length=40),
        ),
        migrations.AlterField(
            model_name="run",
            name="lane",
            field=models.CharField(
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
        migrations.AddConstraint(
            model_name="provideraccount",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("old_until__isnull", False),
                    models.Q(
                        ("old_encrypted_key__isnull", True), ("old_encrypted_webhook_secret__isnull", True)
                    ),
                    _connector="OR",
                ),
                name="provider_account_old_until",
            ),
        ),
    ]
