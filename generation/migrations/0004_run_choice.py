"""A run remembers which of its choices is next, so that a fallback survives a restart."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("generation", "0003_queue_index")]
    operations = [
        migrations.AddField("run", "choice", models.PositiveSmallIntegerField(default=0)),
    ]
