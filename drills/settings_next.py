"""The settings of the next version in a rolling deployment."""

from drills.settings import *  # noqa: F403

INSTALLED_APPS = [*INSTALLED_APPS, "drills.next_version"]  # noqa: F405
