"""Columns and a table that the former version does not know and writes around: nullable, or with a default of
the database's own. This is what a migration between two versions that run at once may do."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("generation", "0001_squashed_0013_call_tokens")]
    operations = [
        migrations.RunSQL(
            """
            ALTER TABLE generation_run ADD COLUMN next_note text NOT NULL DEFAULT '';
            ALTER TABLE projects_take ADD COLUMN next_place integer NULL;
            ALTER TABLE billing_hold ADD COLUMN next_kind text NOT NULL DEFAULT 'plain';
            CREATE TABLE next_version_note (id bigint PRIMARY KEY, words text NOT NULL);
            """,
            "DROP TABLE next_version_note",
        )
    ]
