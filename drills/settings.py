"""The program's settings, with breakers that come back soon: a drill is about killing, not about resting."""

from circletake.settings import *  # noqa: F403

BREAKER = {"rest_seconds": 2, "fresh_money_seconds": 10}
