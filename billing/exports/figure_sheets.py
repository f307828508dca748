"""The sheets of figures: the month, what moved it, and its splits. Every total is a formula over the rows."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

from billing.also import Also
from billing.dimensions import By
from billing.exports.book import Book, Column, Formula, Value
from billing.outcomes import Outcome

Document = dict[str, Any]
DAY_SECONDS = 86_400


class Line(NamedTuple):
    """A figure of the first sheet: what it is called, in which form, its formula; `key` in the document."""

    label: str
    form: str
    formula: str
    name: str = ""
    key: str = ""


def cash_of(stage: str) -> str:
    return f'=SUMIFS(entry_amount,entry_life,1,entry_stage,"{stage}")'


def per(amount: str, number: str) -> str:
    """A division that stays empty where there is nothing to divide by."""
    return f'=IF({number}=0,"",({amount})/{number})'


TOTALS = (
    Line("Accepted deliverables", "count", "=SUM(take_accepted)", "total_accepted", "accepted"),
    Line("Takes", "count", "=SUM(take_counted)", "total_takes", "takes"),
    Line("Rounds", "count", "=SUM(take_round)", "total_rounds", "rounds"),
    Line(
        "Takes per accepted (shooting ratio)", "ratio", per("total_takes", "total_accepted"), "", "multiplier"
    ),
    Line("Base price of a take", "money", per("total_generation", "total_takes"), "", "base"),
    Line("Generation", "money", cash_of("generation"), "total_generation", "generation"),
    Line("Control", "money", cash_of("control"), "total_control", "control"),
    Line("Refinement", "money", cash_of("refinement"), "total_refinement", "refinement"),
    Line(
        "Cash, life to date",
        "money",
        "=total_generation+total_control+total_refinement",
        "total_cash",
        "cash",
    ),
    Line(
        *("Cash per acceptable deliverable", "money", per("total_cash", "total_accepted")),
        *("total_cash_per_acceptable", "cash_per_acceptable"),
    ),
    Line("Time of people, no cash", "money", "=SUM(time_amount)", "total_time", "time"),
    Line(
        *("Cost per acceptable deliverable, with time", "money"),
        *(per("total_cash+total_time", "total_accepted"), "", "cost_per_acceptable"),
    ),
    Line("Late", "money", "=SUMIFS(entry_amount,entry_late,1)", "total_late", "late"),
    Line("Shares of shared costs", "money", "=SUM(take_shared)", "total_shared", "shared"),
    Line(
        *("Cost per acceptable with shared costs", "money"),
        *(per("total_cash+total_time+total_shared", "total_accepted"), "", "cost_per_acceptable_with_shared"),
    ),
    Line(
        *("Loaded cost per acceptable", "money"),
        per("roll_accepted+roll_written_off+roll_period", "total_accepted"),
        *("", "loaded_cost_per_acceptable"),
    ),
)
EFFECTS = (
    Line("Price", "money", "=effect_price", "", "price"),
    Line("Takes per accepted", "money", "=effect_multiplier", "", "multiplier"),
    Line("Control and refinement", "money", "=effect_rest", "", "rest"),
    Line(
        *("Mix of categories", "money"),
        '=IF(OR(total_accepted=0,before_accepted=0),"",ROUND(total_cash_per_acceptable,8)'
        "-before_cash_per_acceptable-effect_price-effect_multiplier-effect_rest)",
        *("", "mix"),
    ),
)
BRIDGE = (
    Line("Cash of what was accepted, life to date", "money", "=total_cash", "", "cash"),
    Line("+ Late: cash on what was accepted before", "money", "=total_late", "", "late"),
    Line("+ Shares of shared costs", "money", "=total_shared", "", "shared"),
    Line(
        *("− Carried back by withdrawn sign-offs", "money"),
        "=SUMIFS(entry_amount,entry_carried,1)+SUM(pot_shared_back)",
        *("total_carried_back", "carried_back"),
    ),
)
ROLL_FORWARD = (
    Line("Opening work in progress", "money", "=SUM(pot_opening)", "roll_opening", "opening_wip"),
    Line("+ Spent", "money", "=SUMIFS(entry_amount,entry_month,1)", "roll_spend", "spend"),
    Line("− Cost of accepted", "money", "=SUM(pot_accepted)", "roll_accepted", "accepted"),
    Line("− Written off", "money", "=SUM(pot_written_off)", "roll_written_off", "written_off"),
    Line("− Period costs", "money", "=SUM(pot_period)", "roll_period", "period"),
    Line("= Closing work in progress", "money", "=SUM(pot_closing)", "roll_closing", "closing_wip"),
)
CHECK = "=ROUND(roll_opening+roll_spend-roll_accepted-roll_written_off-roll_period-roll_closing,6)"
WIDTHS = ((0, 46), (1, 22), (2, 22), (3, 60))


class MonthSheet:
    """The first sheet, written from top to bottom: a figure, the month before, how it comes about."""

    def __init__(self, book: Book, sheet: Any, document: Document) -> None:
        self.book, self.sheet, self.document, self.row = book, sheet, document, 0
        for column, width in WIDTHS:
            sheet.set_column(column, column, width)

    def write(self, said: list[str], beside: Also, weeks: Fraction) -> None:
        """All of it below the lines that are `said` about the month."""
        document = self.document
        self._said(said)
        self._section("Cost per acceptable deliverable", document["month"], "Month before")
        for line in TOTALS:
            self._figure(line, document["totals"], document["previous"])
        self._section("What moved the cash per acceptable deliverable")
        for line in EFFECTS:
            self._figure(line, document["effects"] or {})
        self._section("From the headline to the books")
        for line in BRIDGE:
            self._figure(line, document["bridge"])
        cost = Formula("=total_cash+total_late+total_shared-total_carried_back", _cost(document))
        self._line("= Cost of accepted", cost, "money", total=True)
        self._outcomes()
        self._roll_forward()
        self._curve(beside)
        self._beside(beside, weeks)

    def _said(self, said: list[str]) -> None:
        for place, words in enumerate(said):
            self.book.put(self.sheet, self.row, 0, words, "note" if place else "title")
            self.row += 1

    def _section(self, title: str, *heads: str) -> None:
        self.row += 1
        for column, words in enumerate((title, *heads, *[""] * (2 - len(heads)))):
            self.book.put(self.sheet, self.row, column, words or " ", "section")
        self.row += 1

    def _figure(self, line: Line, now: Document, before: Document | None = None) -> None:
        value = _number(now.get(line.key))
        if line.name:
            self.book.name(line.name, self.sheet, (self.row, 1))
        if before is not None and line.key in ("accepted", "cash_per_acceptable"):
            self.book.name(f"before_{line.key}", self.sheet, (self.row, 2))
        was = _number(before.get(line.key)) if before is not None else None
        self._line(line.label, Formula(line.formula, value) if line.formula else value, line.form, was)

    def _line(self, label: str, value: object, form: str, was: Value = None, *, total: bool = False) -> None:
        self.book.put(self.sheet, self.row, 0, label, "text", total=total)
        self.book.put(self.sheet, self.row, 1, value, form, total=total)
        self.book.put(self.sheet, self.row, 2, was, form)
        self.row += 1

    def _outcomes(self) -> None:
        self._section("Spend by outcome")
        found = self.document["outcomes"]
        first = self.row + 1
        for kind in Outcome:
            formula = f'=SUMIFS(entry_amount,entry_month,1,entry_outcome,"{kind.value}")'
            self._line(kind.label, Formula(formula, _number(found[kind.value])), "money")
        spend = _number(self.document["roll_forward"]["spend"])
        self._line("Spent", Formula(f"=SUM(B{first}:B{self.row})", spend), "money", total=True)

    def _roll_forward(self) -> None:
        self._section("Work in progress rolls forward")
        terms = self.document["roll_forward"]
        for line in ROLL_FORWARD:
            self._figure(line, terms)
        ins = Decimal(terms["opening_wip"]) + Decimal(terms["spend"])
        outs = sum(Decimal(terms[name]) for name in ("accepted", "written_off", "period", "closing_wip"))
        self._line("Check: in less out is nothing", Formula(CHECK, ins - outs), "exact", total=True)

    def _curve(self, beside: Also) -> None:
        self._section("At which take it was right", "Deliverables", "Cash, life to date")
        for place in beside.curve:
            row = self.row
            self.book.put(self.sheet, row, 0, place.take, "count")
            count = Formula(f"=COUNTIFS(accepted_place,A{row + 1})", place.accepted)
            self.book.put(self.sheet, row, 1, count, "count")
            cash = Formula(f"=SUMIFS(accepted_cash,accepted_place,A{row + 1})", place.cash)
            self.book.put(self.sheet, row, 2, cash, "money")
            self.row += 1

    def _beside(self, beside: Also, weeks: Fraction) -> None:
        self._section("Beside")
        median, most = (
            None if found is None else found.total_seconds() / DAY_SECONDS
            for found in (beside.lead_median, beside.lead_80)
        )
        none = 'IF(total_accepted=0,"",'
        self._line("Brief to sign-off, median", Formula(f"={none}MEDIAN(accepted_lead))", median), "days")
        self._line("80 % within", Formula(f"={none}PERCENTILE(accepted_lead,0.8))", most), "days")
        share = per("SUM(accepted_on_time)", "SUM(accepted_due)")
        self._line("On time", Formula(share, beside.on_time), "share")
        week = Formula(f"=total_accepted/{float(weeks)!r}", beside.accepted_a_week)
        self._line("Accepted a week", week, "ratio")


SPLIT = (
    *(Column("No.", 6, "number"), Column("Key", 30, "text"), Column("Name", 30, "text")),
    *(Column("Accepted", 10, "count"), Column("Takes", 9, "count"), Column("Rounds", 9, "count")),
    *(Column("Takes per accepted", 10, "ratio"), Column("Base price of a take", 14, "money")),
    *(Column("Generation", 14, "money"), Column("Control", 14, "money"), Column("Refinement", 14, "money")),
    *(Column("Cash", 14, "money"), Column("Cash per acceptable", 14, "money")),
    *(Column("Time of people, no cash", 14, "money"), Column("With time", 14, "money")),
    *(Column("Shares of shared costs", 14, "money"), Column("With time and shared costs", 14, "money")),
)
SPLIT_KEYS = (
    *("accepted", "takes", "rounds", "multiplier", "base", "generation", "control", "refinement"),
    *("cash", "cash_per_acceptable", "time", "cost_per_acceptable"),
    *("shared", "cost_per_acceptable_with_shared"),
)
SHARES = {
    "Cash per acceptable": "Share of cost",
    "With time": "Share of cost with time",
    "With time and shared costs": "Share of cost with time and shared costs",
}


def split(book: Book, sheet: Any, by: By, document: Document) -> None:
    """One row a key, and the total of the columns; the rows' cells add up what carries the key's number."""
    whole = by in (By.CAMPAIGN, By.CATEGORY, By.PROJECT)
    heads = [
        each._replace(title=each.title if whole else SHARES.get(each.title, each.title)) for each in SPLIT
    ]
    book.head(sheet, heads)
    sheet.freeze_panes(1, 3)
    rows = document["rows"]
    for number, row in enumerate(rows, start=1):
        cells = [number, row["key"] or "", row["name"] or "None", *_split_cells(by, number + 1, row)]
        for column, value in enumerate(cells):
            book.put(sheet, number, column, value, heads[column].form)
    last = len(rows) + 1
    book.put(sheet, last, 2, "Total", "text", total=True)
    for column, value in enumerate(_split_total(last, document["totals"]), start=3):
        book.put(sheet, last, column, value, heads[column].form, total=True)


def _split_cells(by: By, line: int, row: Document) -> Iterator[Formula]:
    """Columns D to Q of a row; `line` is its number as the sheet shows it."""
    of = {rows: f"{rows}_{by.value}_no,$A{line}" for rows in ("entry", "take", "time")}
    for name, counted in (("accepted", "take_accepted"), ("takes", "take_counted"), ("rounds", "take_round")):
        yield Formula(f"=SUMIFS({counted},{of['take']})", row[name])
    yield from _ratios(line, row, ("multiplier", "base"))
    for stage in ("generation", "control", "refinement"):
        cash = f'=SUMIFS(entry_amount,entry_life,1,{of["entry"]},entry_stage,"{stage}")'
        yield Formula(cash, _number(row[stage]))
    yield Formula(f"=I{line}+J{line}+K{line}", _number(row["cash"]))
    yield from _ratios(line, row, ("cash_per_acceptable",))
    yield Formula(f"=SUMIFS(time_amount,{of['time']})", _number(row["time"]))
    yield from _ratios(line, row, ("cost_per_acceptable",))
    yield Formula(f"=SUMIFS(take_shared,{of['take']})", _number(row["shared"]))
    yield from _ratios(line, row, ("cost_per_acceptable_with_shared",))


def _split_total(last: int, totals: Document) -> Iterator[Formula]:
    for name, column in zip(SPLIT_KEYS, "DEFGHIJKLMNOPQ", strict=True):
        if name in RATIOS:
            yield from _ratios(last + 1, totals, (name,))
        else:
            yield Formula(f"=SUM({column}1:{column}{last})", _number(totals[name]))


RATIOS = {
    "multiplier": ("E{0}", "D{0}"),
    "base": ("I{0}", "E{0}"),
    "cash_per_acceptable": ("L{0}", "D{0}"),
    "cost_per_acceptable": ("L{0}+N{0}", "D{0}"),
    "cost_per_acceptable_with_shared": ("L{0}+N{0}+P{0}", "D{0}"),
}


def _ratios(line: int, row: Document, names: tuple[str, ...]) -> Iterator[Formula]:
    for name in names:
        amount, number = (part.format(line) for part in RATIOS[name])
        yield Formula(per(amount, number), _number(row[name]))


def _number(text: str | int | None) -> Decimal | int | None:
    return text if text is None or isinstance(text, int) else Decimal(text)


def _cost(document: Document) -> Decimal:
    terms = {name: Decimal(amount) for name, amount in document["bridge"].items()}
    return terms["cash"] + terms["late"] + terms["shared"] - terms["carried_back"]
