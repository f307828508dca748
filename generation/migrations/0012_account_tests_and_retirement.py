"""Whether an account's last test went well, and accounts that are kept for their calls alone."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("generation", "0011_credit_units")]
    operations = [
        migrations.AddField("provideraccount", "test_works", models.BooleanField(null=True)),
        migrations.AddField("provideraccount", "retired_at", models.DateTimeField(null=True)),
        migrations.RemoveConstraint("provideraccount", "provider_account_name_once"),
        migrations.AddConstraint(
            "provideraccount",
            models.UniqueConstraint(
                fields=["workspace", "provider", "name"],
                condition=models.Q(retired_at__isnull=True),
                name="provider_account_name_once",
            ),
        ),
        migrations.AddConstraint(
            "provideraccount",
            models.CheckConstraint(
                condition=models.Q(retired_at__isnull=True) | models.Q(enabled=False),
                name="provider_account_retired_off",
            ),
        ),
    ]
