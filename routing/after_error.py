"""What an error of a provider leads to: decided here, acted upon by the engine."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Mapping

from routing.decision import Then
from routing.document import ON_ERROR

LONGEST_WAIT = datetime.timedelta(hours=6)
"""A step that a provider would not take for this long goes on as if the class said `next`."""


@dataclasses.dataclass(frozen=True)
class Trouble:
    """A step's model that did not deliver.

    `tries` counts how often this model ended so in this step, this time included; `choice` is its place among
    the step's `choices` models, from 0; `under_way` is how long the step has been at it.
    """

    error_class: str
    tries: int
    choice: int
    choices: int
    under_way: datetime.timedelta


def after_error(trouble: Trouble, *, on_error: Mapping[str, str], retries: int) -> Then:
    """`wait` and `retry`: the same model after a pause; `next`: the one after it; `stop`: the step fails.

    `on_error` is what the route says by class; for the classes that it leaves out the usual holds, by which
    nothing but a route that says so lets another model try what one has refused to show.
    """
    then = Then(on_error.get(trouble.error_class) or ON_ERROR[trouble.error_class])
    if then == Then.WAIT and trouble.under_way < LONGEST_WAIT:
        return Then.WAIT
    if then == Then.RETRY and trouble.tries <= retries:
        return Then.RETRY
    if then == Then.STOP or trouble.choice + 1 >= trouble.choices:
        return Then.STOP
    return Then.NEXT
