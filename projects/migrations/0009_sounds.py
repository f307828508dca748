from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("projects", "0008_notices_of_batches_and_models")]

    operations = [
        migrations.AlterField(
            model_name="asset",
            name="kind",
            field=models.CharField(
                choices=[("image", "Picture"), ("video", "Video"), ("audio", "Sound"), ("text", "Text")],
                max_length=5,
            ),
        ),
    ]
