"""How many tokens went into a call, and how many came out."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("generation", "0012_account_tests_and_retirement"),
    ]

    operations = [
        migrations.AddField(
            model_name="call",
            name="input_tokens",
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="call",
            name="output_tokens",
            field=models.BigIntegerField(null=True),
        ),
    ]
