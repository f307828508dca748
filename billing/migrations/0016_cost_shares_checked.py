from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("billing", "0015_cost_shares")]

    operations = [ValidateConstraint(model_name="entry", name="entry_transfer_of_decision")]
