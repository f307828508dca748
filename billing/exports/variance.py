"""The sheet of what moved the headline: price, multiplier and rest by category and phase, as formulas."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from billing import effects, figures
from billing.effects import Phases
from billing.exports.book import NONE, Book, Column, Formula
from billing.figures import Cells, Sums

COLUMNS = (
    *(Column("Category no.", 9, "number"), Column("Category", 24, "text"), Column("Phase", 9, "text")),
    *(Column("Accepted in the category", 10, "count"), Column("Takes", 9, "count")),
    *(Column("Generation", 14, "money"), Column("Control and refinement", 14, "money")),
    *(Column("Month before: accepted", 10, "count"), Column("Month before: takes", 9, "count")),
    *(
        Column("Month before: generation", 14, "money"),
        Column("Month before: control, refinement", 14, "money"),
    ),
    *(
        Column("Share of accepted", 9, "share"),
        Column("Base", 14, "exact"),
        Column("Base before", 14, "exact"),
    ),
    *(Column("Price", 14, "exact"), Column("Takes per accepted", 14, "exact")),
    Column("Control and refinement, moved", 14, "exact"),
)
EFFECTS = ("price", "multiplier", "rest")
COUNT = "=SUMIFS({what},take_category_no,$A{line})"
TAKES = "=SUMIFS(take_counted,take_category_no,$A{line},take_phase,$C{line})"
CASH = (
    'SUMIFS(entry_amount,entry_life,1,entry_category_no,$A{line},entry_phase,$C{line},entry_stage,"{stage}")'
)
#: Columns L to Q of a row, in its own cells.
WORKED_OUT = (
    "=IF(total_accepted=0,0,D{0}/total_accepted)",
    "=IF(E{0}=0,IF(I{0}=0,0,J{0}/I{0}),F{0}/E{0})",
    "=IF(I{0}=0,IF(E{0}=0,0,F{0}/E{0}),J{0}/I{0})",
    "=IF(OR(D{0}=0,H{0}=0),0,L{0}*(M{0}-N{0})*I{0}/H{0})",
    "=IF(OR(D{0}=0,H{0}=0),0,L{0}*M{0}*(E{0}/D{0}-I{0}/H{0}))",
    "=IF(OR(D{0}=0,H{0}=0),0,L{0}*((G{0}+IF(E{0}=0,F{0},0))/D{0}-(K{0}+IF(I{0}=0,J{0},0))/H{0}))",
)


def write(
    book: Book,
    sheet: Any,
    *,
    old: Cells,
    new: Cells,
    places: Mapping[str, int],
    found: Mapping[str, Any] | None,
) -> None:
    """A row for each category and phase of both months; `found` are the effects as the audit prints them."""
    book.head(sheet, COLUMNS)
    sheet.freeze_panes(1, 3)
    was, now = effects.by_category(old), effects.by_category(new)
    whole = figures.total(new.values()).accepted
    numbers = {
        **{key: len(places) + place for place, key in enumerate(sorted({*was} - {*places}), 1)},
        **places,
    }
    row = 0
    for category in sorted({*was, *now}):
        phases = (was.get(category, {}), now.get(category, {}))
        for phase in sorted({*phases[0], *phases[1]}):
            row += 1
            line = _Line(phases[0], phases[1], phase, whole)
            cells = [numbers.get(category, 0), category, phase or NONE, *line.cells(row + 1)]
            for column, value in enumerate(cells):
                book.put(sheet, row, column, value, COLUMNS[column].form)
    _totals(book, sheet, row + 1, found)


def _totals(book: Book, sheet: Any, row: int, found: Mapping[str, Any] | None) -> None:
    book.put(sheet, row, 1, "Total", "text", total=True)
    for column, name in enumerate(EFFECTS, start=14):
        letter = "OPQ"[column - 14]
        added = f"ROUND(SUM({letter}1:{letter}{row}),8)"
        formula = f'=IF(OR(total_accepted=0,before_accepted=0),"",{added})'
        value = Fraction(found[name]) if found else None
        book.put(sheet, row, column, Formula(formula, value), "exact", total=True)
        book.name(f"effect_{name}", sheet, (row, column))


class _Line:
    """One category and phase: its sums in both months, and the values that its formulas have."""

    def __init__(self, was: Phases, now: Phases, phase: str, whole: int) -> None:
        self.old, self.new = was.get(phase, Sums()), now.get(phase, Sums())
        self.n_old, self.n_new = (figures.total(phases.values()).accepted for phases in (was, now))
        self.share = Fraction(self.n_new, whole) if whole else Fraction(0)

    def cells(self, line: int) -> list[object]:
        new, old = self.new, self.old
        loose = " + ".join(CASH.format(line=line, stage=stage) for stage in ("control", "refinement"))
        values = (self.share, *self._bases(), *self._moved())
        return [
            Formula(COUNT.format(what="take_accepted", line=line), self.n_new),
            Formula(TAKES.format(line=line), new.takes),
            Formula("=" + CASH.format(line=line, stage="generation"), new.generation),
            Formula(f"={loose}", new.control + new.refinement),
            *(self.n_old, old.takes, old.generation, old.control + old.refinement),
            *(Formula(text.format(line), value) for text, value in zip(WORKED_OUT, values, strict=True)),
        ]

    def _bases(self) -> tuple[Fraction, Fraction]:
        """This month's and the one before's; where a month has none, the other's."""
        new, old = (figures.ratio(sums.generation, sums.takes) for sums in (self.new, self.old))
        return (
            new if new is not None else old or Fraction(0),
            old if old is not None else new or Fraction(0),
        )

    def _moved(self) -> tuple[Fraction, Fraction, Fraction]:
        if not self.n_old or not self.n_new:
            return Fraction(0), Fraction(0), Fraction(0)
        price, multiplier = effects.of_phase(self.old, self.new, self.n_old, self.n_new)
        rest = effects.rest_of({"": self.new}, self.n_new) - effects.rest_of({"": self.old}, self.n_old)
        return self.share * price, self.share * multiplier, self.share * rest
