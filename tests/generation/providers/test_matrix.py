"""The page of what is tested says what the suite runs, and no more."""

from __future__ import annotations

from tests.generation.providers import kits, matrix


def test_the_page_of_providers_is_what_the_kits_declare() -> None:
    """Out of date? `python -m tests.generation.providers.matrix` writes it anew."""
    assert matrix.PAGE.read_text() == matrix.page()


def test_nothing_is_called_untested_that_is_tested() -> None:
    known = matrix.cells()
    for name, missing in matrix.untested().items():
        tested = {row for rows in known[name].values() for row in rows}
        assert set(missing) & tested == set(), name


def test_every_kit_has_the_cases_that_no_provider_may_be_without() -> None:
    for name, sections in matrix.cells().items():
        rows = {row for section in sections.values() for row in section}
        assert {"states", "an answer that is lost", "no connection", "connection test"} <= rows, name
        assert len(sections["Errors"]) >= 6, name


def test_every_provider_that_has_accounts_has_a_kit() -> None:
    from generation.providers import registry

    assert set(kits.modules()) == set(registry.with_accounts())
