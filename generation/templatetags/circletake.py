"""Formatting for templates: money, times, sizes, chips and icons. Nothing here queries.

Chips, icons and times are built as strings, not from included templates: a board has hundreds of them.
"""

from __future__ import annotations

import datetime
import functools
import json
from collections.abc import Iterable, Mapping
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any
from urllib.parse import quote

from django import template
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from generation import balances, words
from generation.cards import Card
from generation.figures import (
    MINUS,
    NOTHING,
    THIN,
    decimal_or_none,
    decimals,
    minor_digits,
    money_words,
    relative_words,
)

register = template.Library()

STYLE_SHEETS = (
    *("layers", "tokens", "base", "shell", "page", "entrance", "desk", "inbox", "button", "form", "chip"),
    *("figure", "media", "board", "table", "month", "overlay", "parts", "utilities"),
)


@register.filter
def money(amount: object, currency: str = "") -> SafeString | str:
    """`{{ amount|money:currency }}` → €4.20, with the unrounded amount on hover; an en dash for none."""
    value = decimal_or_none(amount)
    if value is None:
        return NOTHING
    return format_html(
        '<data class="money" value="{}" title="{}">{}</data>',
        f"{value:f}",
        f"{value:f} {currency}".strip(),
        money_words(value, currency),
    )


@register.filter
def money_text(amount: object, currency: str = "") -> str:
    """The same amount as plain words, for attributes, titles and mails."""
    value = decimal_or_none(amount)
    return NOTHING if value is None else money_words(value, currency)


@register.filter
def money_change(amount: object, currency: str = "") -> str:
    """A signed amount: +€0.45, −€0.10, ±€0.00."""
    value = decimal_or_none(amount)
    if value is None:
        return NOTHING
    words_ = money_words(abs(value), currency)
    return ("+" if value > 0 else MINUS if value < 0 else "±") + words_


@register.filter
def unit_price(amount: object, currency: str = "") -> str:
    """A price with as many digits as it has, at least the minor unit's: €0.05, €0.0035."""
    value = decimal_or_none(amount)
    if value is None:
        return NOTHING
    return money_words(value, currency, digits=max(decimals(value), minor_digits(currency)))


@register.simple_tag
def money_of(amount: Decimal, currency: str, digits: int) -> SafeString:
    """An amount with so many digits behind the point, as all of its table has them; exact on hover."""
    exact, shown = f"{amount:f}", money_words(amount, currency, digits=digits)
    return format_html(
        '<data class="money" value="{}" title="{}">{}</data>', exact, f"{exact} {currency}", shown
    )


@register.filter
def percent(share: object, digits: int = 0) -> str:
    """A share of one as a percentage, rounded half-even: 0.5 → 50 %."""
    value = decimal_or_none(share)
    if value is None:
        return NOTHING
    rounded = (value * 100).quantize(Decimal(1).scaleb(-int(digits)), ROUND_HALF_EVEN)
    return f"{rounded:f}{THIN}%".replace("-", MINUS)


@register.filter
def ratio(value: object, digits: int = 2) -> str:
    """A plain number rounded half-even: 5.00."""
    number = decimal_or_none(value)
    if number is None:
        return NOTHING
    return f"{number.quantize(Decimal(1).scaleb(-int(digits)), ROUND_HALF_EVEN):,f}".replace("-", MINUS)


@register.filter
def count(value: object) -> str:
    """A whole number with separators: 12,480."""
    number = decimal_or_none(value)
    return NOTHING if number is None else f"{int(number):,}".replace("-", MINUS)


@register.filter
def size(number: int | None) -> str:
    """Bytes in decimal units: 100 kB, 2.4 MB."""
    if number is None:
        return NOTHING
    amount = Decimal(number)
    units = ["B", "kB", "MB", "GB", "TB"]
    while amount >= 1000 and len(units) > 1:
        amount /= 1000
        units.pop(0)
    unit = units[0]
    shown = f"{amount:.0f}" if unit == "B" or amount >= 100 else f"{amount:.1f}"
    return f"{shown}{THIN}{unit}"


@register.filter
def duration(value: datetime.timedelta | int | float | Decimal | None) -> str:
    """A length of time, given in seconds or as timedelta: 4 s, 2 min 10 s, 3 h 5 min, 2 d 4 h."""
    if value is None or value == "":
        return NOTHING
    total = value.total_seconds() if isinstance(value, datetime.timedelta) else float(value)
    if 0 < total < 10 and total != int(total):
        return f"{total:.1f}{THIN}s"
    seconds = round(total)
    parts: list[str] = []
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        whole, seconds = divmod(seconds, length)
        if whole or (unit == "s" and not parts):
            parts.append(f"{whole}{THIN}{unit}")
        elif parts:
            break
    return " ".join(parts[:2])


@register.filter
def timecode(frame: int, fps: int = 24) -> str:
    """A frame counted from 0 as the player shows it: 1 s 13 f is frame 13 of second 1; 2 min 01 s 13 f."""
    seconds, rest = divmod(frame, fps)
    minutes, seconds = divmod(seconds, 60)
    return f"{minutes} min {seconds:02} s {rest:02} f" if minutes else f"{seconds} s {rest:02} f"


@register.filter
def sentence(text: str) -> str:
    """Words from elsewhere as one sentence of ours: a capital, a full stop."""
    plain = text.strip()
    ended = plain if plain.endswith((".", "!", "?", "…")) else f"{plain}."
    return plain and ended[0].upper() + ended[1:]


@register.filter
def ago(moment: datetime.datetime | None) -> SafeString | str:
    """A time relative to now, exact on hover and for machines; the page keeps it fresh."""
    if moment is None:
        return NOTHING
    local = timezone.localtime(moment)
    return format_html(
        '<time datetime="{}" title="{}" data-relative>{}</time>',
        moment.astimezone(datetime.UTC).isoformat(timespec="seconds"),
        f"{local:%-d %b %Y, %H:%M:%S %Z}",
        relative_words(moment, timezone.now()),
    )


@register.filter
def day(moment: datetime.date | datetime.datetime | None) -> str:
    """`14 Oct 2026`, in the active time zone."""
    if moment is None:
        return NOTHING
    local = timezone.localtime(moment) if isinstance(moment, datetime.datetime) else moment
    return f"{local:%-d %b %Y}"


@register.filter
def month_name(month: str | datetime.date) -> str:
    """`2026-10` (or a date) → `October 2026`."""
    first = month if isinstance(month, datetime.date) else datetime.date.fromisoformat(f"{month}-01")
    return f"{first:%B %Y}"


@register.filter
def short_hash(digest: str) -> str:
    """The first eight characters of a hash or id."""
    return str(digest)[:8]


@register.filter
def initials(name: str) -> str:
    """`Ana Rossi` → `AR`; an address gives its first two letters."""
    parts = [part for part in str(name).partition("@")[0].replace(".", " ").split() if part]
    letters = "".join(part[0] for part in parts[:2]) if len(parts) > 1 else "".join(parts)[:2]
    return letters.upper() or "?"


@register.filter
def limit_class(share: object) -> str:
    """Class of a bar by how far a limit is used: warn from 80 %, full from 100 %."""
    value = decimal_or_none(share) or Decimal(0)
    return (
        "progress--full" if value >= 1 else "progress--warn" if value >= Decimal("0.8") else "progress--plain"
    )


@register.simple_tag
def share_of(part: object, whole: object) -> Decimal:
    """part / whole as a Decimal; 0 when the whole is nothing. `{% share_of used cap as share %}`."""
    above, below = decimal_or_none(part), decimal_or_none(whole)
    return above / below if above is not None and below else Decimal(0)


@register.simple_tag
def icon(name: str, size: str = "", label: str = "") -> SafeString:
    """A picture from the sprite, silent for screen readers without `label`. size: small, large, huge."""
    return _icon(name, size, label)


@functools.lru_cache(maxsize=1024)  # a page has hundreds, and there are few
def _icon(name: str, size: str, label: str) -> SafeString:
    css = f"icon icon--{size}" if size else "icon"
    href = f"{static('icons/sprite.svg')}#{name}"
    if label:
        return format_html(
            '<svg class="{}" role="img" aria-label="{}"><use href="{}"/></svg>', css, label, href
        )
    return format_html('<svg class="{}" aria-hidden="true"><use href="{}"/></svg>', css, href)


@register.simple_tag
def rail_links(sections: Iterable[Mapping[str, Any]]) -> SafeString:
    """The sections of the side navigation, as `generation.shell` describes them."""
    return _rail_links(
        tuple(
            (section.get("label", ""), tuple(_told(link) for link in section["links"]))
            for section in sections
        )
    )


def _told(link: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(link.get(name, "") for name in ("label", "href", "icon", "key", "count", "due", "current"))


@functools.lru_cache(maxsize=1024)  # every page has them, and between two pages they seldom change
def _rail_links(sections: tuple[tuple[str, tuple[tuple[Any, ...], ...]], ...]) -> SafeString:
    return format_html_join(
        "\n",
        '<div class="rail__section">{}{}</div>',
        (
            (
                format_html('<p class="rail__label">{}</p>', label) if label else "",
                format_html_join("\n", "{}", ((_rail_link(*link),) for link in links)),
            )
            for label, links in sections
        ),
    )


def _rail_link(
    label: str, href: str, picture: str, key: str, count: int, due: bool, current: bool
) -> SafeString:
    return format_html(
        '<a class="rail__link" href="{}" title="{}"{}{}>{}<span class="rail__text">{}</span>{}</a>',
        href,
        label,
        mark_safe(' aria-current="page"') if current else "",
        format_html(' data-key="{}"', key) if key else "",
        icon(picture),
        label,
        format_html('<span class="count{}">{}</span>', " count--due" if due else "", count) if count else "",
    )


@register.simple_tag
def state_chip(state: str, label: str = "") -> SafeString:
    """A state in words, with its sign. Unknown states show their key."""
    word, tone, sign = words.STATES.get(state, (state.replace("_", " ").capitalize(), "quiet", "dotted"))
    return format_html('<span class="chip chip--{}">{}{}</span>', tone, icon(sign), label or word)


@register.simple_tag
def tier_chip(tier: str) -> SafeString:
    """A tier in the words of the field, with its sign."""
    word, sign = words.TIERS.get(tier, (tier, "dot"))
    return (
        format_html('<span class="chip chip--box">{}{}</span>', icon(sign), word) if tier else SafeString("")
    )


@register.simple_tag
def phase_chip(phase: str) -> SafeString:
    """Draft or hero."""
    word, sign = words.PHASES.get(phase, (phase, "dot"))
    return (
        format_html('<span class="chip chip--box">{}{}</span>', icon(sign), word) if phase else SafeString("")
    )


@register.simple_tag
@functools.cache  # the same on every page
def style_sheets() -> SafeString:
    """Links to all style sheets, in the order of static/css/layers.css."""
    return format_html_join(
        "\n  ", '<link rel="stylesheet" href="{}">', ((static(f"css/{name}.css"),) for name in STYLE_SHEETS)
    )


@register.simple_tag
def deliverable_card(card: Card) -> SafeString:
    """A deliverable on the board."""
    picture = (
        format_html('<img src="{}" alt="" loading="lazy" decoding="async">', card.poster)
        if card.poster
        else _icon("image", "large", "")
    )
    due = (
        format_html(
            '<span class="bad">late, due {}</span>' if card.late else "<span>due {}</span>", day(card.due_on)
        )
        if card.due_on
        else ""
    )
    used = card.takes_used
    takes = f"takes {used} of {card.cap}" if card.cap else "1 take" if used == 1 else f"{used} takes"
    busy = (
        format_html(
            '<p class="card__line"><span class="chip chip--busy">{}{} rendering</span></p>',
            _icon("half", "", ""),
            card.running,
        )
        if card.running
        else ""
    )
    return format_html(
        '<article class="card"><span class="frame frame--16x9">{}</span>'
        '<h3 class="card__title"><a href="{}">{}</a></h3>'
        '<p class="card__line"><span>{}</span>{}</p>'
        '<p class="card__line"><span>{}</span><span>{}</span></p>{}</article>',
        *(picture, card.href, card.title, card.category, due),
        *(takes, money(card.spent, card.currency), busy),
    )


@register.simple_tag
def accepted_cells(row: Mapping[str, Any], currency: str, href: str = "") -> SafeString:
    """The figures of one line of the month's table; with `href`, cash leads to the line's deliverables."""
    cash = money(row["cash"], currency)
    if href:
        cash = format_html('<a href="{}&amp;key={}">{}</a>', href, quote(row["key"] or "", safe=""), cash)
    figures = (
        *(count(row["accepted"]), count(row["takes"]), ratio(row["multiplier"])),
        *(money(row[name], currency) for name in ("base", "generation", "control", "refinement")),
        cash,
        *(money(row[name], currency) for name in ("cash_per_acceptable", "cost_per_acceptable")),
        money(row["shared"], currency),
    )
    return format_html_join("", '<td class="num">{}</td>', ((figure,) for figure in figures))


@register.simple_tag
def polyline(values: list[Any], width: int = 100, height: int = 20) -> str:
    """Points of a sparkline through the numbers in `values` (None is left out), scaled to width × height."""
    numbers = [
        (index, value) for index, item in enumerate(values) if (value := decimal_or_none(item)) is not None
    ]
    if not numbers:
        return ""
    low, high = min(value for _, value in numbers), max(value for _, value in numbers)
    span, last = (high - low) or Decimal(1), max(len(values) - 1, 1)
    return " ".join(
        f"{Decimal(index * width) / last:.2f},{height - (value - low) * height / span:.2f}"
        for index, value in numbers
    )


@register.simple_tag
def share_bar(parts: list[Mapping[str, Any]], label: str, css: str = "") -> SafeString:
    """One bar of parts, each `{"label", "value", "series"?}` (series: 1–6, good, bad, rest), widths by share.

    Parts of nothing take no width. The words stand in the legend and table beside it; `label` names the bar.
    """
    values = [max(decimal_or_none(part["value"]) or Decimal(0), Decimal(0)) for part in parts]
    whole, at, rows = sum(values, Decimal(0)), Decimal(0), []
    for number, (part, value) in enumerate(zip(parts, values, strict=True)):
        if not value:
            continue
        width = value * 1000 / whole
        rows.append((part.get("series") or number % 6 + 1, f"{at:.3f}", f"{width:.3f}", part["label"]))
        at += width
    rects = format_html_join(
        "", '<rect class="series-{}" x="{}" width="{}" height="10"><title>{}</title></rect>', rows
    )
    return format_html(
        '<svg class="share-bar {}" role="img" aria-label="{}" viewBox="0 0 1000 10" '
        'preserveAspectRatio="none">{}</svg>',
        css,
        label,
        rects,
    )


@register.filter
def percent_number(share: object) -> str:
    """A share of one as a number from 0 to 100 for attributes (`<progress value>`, SVG widths)."""
    value = decimal_or_none(share) or Decimal(0)
    return f"{min(max(value, Decimal(0)), Decimal(1)) * 100:.2f}"


@register.filter
def pretty_json(content: object) -> str:
    """A request as people read it: indented, in its own order."""
    return json.dumps(content, indent=2, ensure_ascii=False)


@register.filter
def tells_balance(provider: str) -> bool:
    """Whether a provider can be asked what is left of its credits."""
    return provider in balances.tellers()
