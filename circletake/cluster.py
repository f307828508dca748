"""The queue's processes, run by `manage.py work` as `python -m circletake.cluster`.

django-q2 leaves its workers alive when its sentinel dies, and everything alive when its main process does.
Here each process it forks asks the kernel to be ended with its parent, so that none outlives the group.
"""

import os
import signal

import django

from circletake import postgres, stopping


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "circletake.settings")
    os.register_at_fork(after_in_child=lambda: postgres.die_with_parent(signal.SIGKILL))
    django.setup()
    from django_q.cluster import Cluster  # needs the apps

    class Announcing(Cluster):  # type: ignore[misc]
        """Tells tasks that are under way before it waits for them."""

        def stop(self) -> bool:
            stopping.announce()
            return bool(super().stop())

    Announcing().start()


if __name__ == "__main__":
    main()
