from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("projects", "0009_sounds"),
    ]

    operations = [
        migrations.AlterField(
            model_name="notice",
            name="kind",
            field=models.CharField(
                choices=[
                    ("approval_waiting", "An approval waits for me"),
                    ("request_decided", "My request was decided"),
                    ("hero_ready", "A hero take is ready to sign off"),
                    ("batch_finished", "My batch has finished"),
                    ("batch_stopped", "My batch has stopped"),
                    ("budget_80", "A budget has reached 80 %"),
                    ("budget_100", "A budget is used up"),
                    ("take_waits", "A take waits for a person"),
                    ("model_leaving", "A model that we route to is leaving"),
                    ("month_ended", "A month has ended (to finance, with the statement)"),
                ],
                max_length=20,
            ),
        ),
        migrations.AlterField(
            model_name="noticepreference",
            name="kind",
            field=models.CharField(
                choices=[
                    ("approval_waiting", "An approval waits for me"),
                    ("request_decided", "My request was decided"),
                    ("hero_ready", "A hero take is ready to sign off"),
                    ("batch_finished", "My batch has finished"),
                    ("batch_stopped", "My batch has stopped"),
                    ("budget_80", "A budget has reached 80 %"),
                    ("budget_100", "A budget is used up"),
                    ("take_waits", "A take waits for a person"),
                    ("model_leaving", "A model that we route to is leaving"),
                    ("month_ended", "A month has ended (to finance, with the statement)"),
                ],
                max_length=20,
            ),
        ),
    ]
