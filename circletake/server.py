"""The web server's processes, run by `manage.py web` as `python -m circletake.server` with granian's options.

granian's workers outlive a main process that is killed, and keep its port: nothing could be started there
any more. Here each process it forks asks the kernel to be ended with its parent.
"""

import os
import signal

from granian.cli import entrypoint

from circletake import postgres


def main() -> None:
    os.register_at_fork(after_in_child=lambda: postgres.die_with_parent(signal.SIGKILL))
    entrypoint()  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    main()
