"""The queue's processes, run by `manage.py work` as `python -m circletake.cluster`.

django-q2 leaves its workers alive when its sentinel dies, and everything alive when its main process does.
Here each process it forks asks the kernel to be ended with its parent, so that none outlives the group.
"""

import os
import signal

import django
from django.core.management import call_command

from circletake import postgres


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "circletake.settings")
    os.register_at_fork(after_in_child=lambda: postgres.die_with_parent(signal.SIGKILL))
    django.setup()
    call_command("qcluster")


if __name__ == "__main__":
    main()
