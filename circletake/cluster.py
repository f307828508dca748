"""The queue's processes, run by `manage.py work` as `python -m circletake.cluster`.

django-q2 leaves its workers alive when its sentinel dies, and everything alive when its main process does.
Here each process it forks asks the kernel to be ended with its parent, so that none outlives the group.
What tasks are made of is imported before the fork: each worker would do it at its first task, ten of
them at once, which on a busy machine takes longer than the canary waits.
"""

import os
import signal

import django
from django.utils.module_loading import autodiscover_modules

from circletake import postgres, stopping

NICENESS = 5
"""What answers people and providers goes first: lanes catch up, a page that is late is not read."""

DRAIN = "QUEUE_DRAINS"
"""In the environment: SIGTERM lets open calls end, SIGINT gives them up."""


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "circletake.settings")
    os.register_at_fork(after_in_child=lambda: postgres.die_with_parent(signal.SIGKILL))
    os.nice(NICENESS)
    django.setup()
    autodiscover_modules("tasks")
    from django_q.cluster import Cluster  # needs the apps

    class Announcing(Cluster):  # type: ignore[misc]
        """Tells tasks that are under way before it waits for them; a second signal only hurries them."""

        asked = False

        def sig_handler(self, signum: int, frame: object) -> None:
            if os.environ.get(DRAIN) and signum == signal.SIGTERM:
                stopping.announce_drain()
            else:
                stopping.announce()
            if not self.asked:
                self.asked = True
                super().sig_handler(signum, frame)

    Announcing().start()


if __name__ == "__main__":
    main()
