#!/usr/bin/env python3
"""Circletake's commands; `manage.py help` lists them."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "circletake.settings")
    try:
        from django.core.management import execute_from_command_line
    except ImportError as error:
        raise SystemExit(
            f"{error}. Run `make run` once: it installs what Circletake needs into .venv; "
            "then start it as .venv/bin/python manage.py."
        ) from error
    from django.db import OperationalError

    try:
        execute_from_command_line(sys.argv)
    except OperationalError:
        from circletake.reach import out_of_reach

        if words := out_of_reach():
            raise SystemExit(words) from None
        raise


if __name__ == "__main__":
    main()
