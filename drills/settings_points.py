"""The drill's settings with points at which a process can be met; and nobody waits to be started again.

A program that the matrix has killed a few times in a row would be started later and later.
"""

from circletake import supervisor
from drills.settings import *  # noqa: F403

INSTALLED_APPS = [*INSTALLED_APPS, "drills.points.Points"]  # noqa: F405
supervisor.SETTLED_SECONDS = 3.0
