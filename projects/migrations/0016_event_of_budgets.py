from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False  # events are many; they go on being written meanwhile

    dependencies = [
        ("projects", "0015_standing_rules"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="event",
            index=models.Index(
                condition=models.Q(("kind__startswith", "budget.")),
                fields=["workspace", "at"],
                name="event_of_budgets",
            ),
        ),
    ]
