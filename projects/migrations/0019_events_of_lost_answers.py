from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("projects", "0018_open_months_of_time_logs")]

    operations = [
        AddIndexConcurrently(
            model_name="event",
            index=models.Index(
                condition=models.Q(("kind__in", ["take.call_happened", "take.call_did_not_happen"])),
                fields=["workspace", "at"],
                name="event_of_lost_answers",
            ),
        ),
    ]
