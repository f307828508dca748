"""What a transaction of many rows is told before it writes them; every guard stays on."""

from __future__ import annotations

from django.db import connection


def prepare() -> None:
    """Call it first in a transaction that writes thousands of rows; it holds until that ends.

    Each trigger of `django-pgtrigger` asks whether it is to be skipped. Where nobody ever said so, that
    question fails inside a subtransaction, and its end walks over every constraint deferred so far: time
    grew with the square of the rows. An answer, none to be skipped, makes it a plain look-up.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('pgtrigger.ignore', '{}', true)")
