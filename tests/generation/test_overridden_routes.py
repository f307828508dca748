"""A take remembers the model that the table names first where a person named another one."""

from __future__ import annotations

import pytest
from django.utils import timezone

from billing import exceptions, months
from billing.exceptions import Kind
from generation import batch_steering, batches, takes
from generation.matrices import Asked, Column
from projects.models import Take
from tests.cast import Cast
from tests.generation.matrix_rows import ECONOMY, FAST, sketches


@pytest.mark.parametrize(("model", "instead_of"), [(None, ""), (FAST, ""), (ECONOMY, FAST)])
def test_only_another_model_than_the_first_overrides_the_route(
    studio: Cast, model: str | None, instead_of: str
) -> None:
    (sketch,) = sketches(studio, 1)
    take = takes.make(deliverable=sketch, by=studio.producer, model=model).takes.get()
    assert take.instead_of == instead_of
    month = months.month_of(studio.workspace, take.requested_at)
    found = exceptions.counts(workspace=studio.workspace, month=month)
    assert found[Kind.ROUTE_OVERRIDDEN] == bool(instead_of)


def test_the_takes_of_a_batch_say_so_by_column(studio: Cast) -> None:
    asked = Asked(sketches(studio, 2), 1, columns=(Column(), Column(model=ECONOMY)))
    batches.make(asked=asked, by=studio.producer)
    batch_steering.keep_going(now=timezone.now())
    assert sorted(Take.objects.values_list("instead_of", flat=True)) == ["", "", FAST, FAST]
