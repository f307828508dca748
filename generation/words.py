"""How states, tiers and phases read on pages: the word, the tone, the sign from the sprite.

Words come from the models' choices; a state that several models share reads as it does on a take.
"""

from __future__ import annotations

from django.db.models import TextChoices

from generation.models import runs
from projects.models import decisions, takes, work
from routing.models import health, tables

Look = tuple[str, str]
"""Tone (good, warn, bad, busy, accent, quiet) and sign."""

LOOKS: dict[str, Look] = {
    "accepted": ("good", "circle-take"),
    "applying": ("busy", "half"),
    "approval": ("warn", "diamond"),
    "approved": ("good", "check"),
    "blocked": ("bad", "ban"),
    "brief": ("quiet", "dotted"),
    "cancelled": ("quiet", "ban"),
    "checking": ("busy", "half"),
    "choosing": ("accent", "eye"),
    "closed": ("good", "check"),
    "collecting": ("busy", "download"),
    "declined": ("warn", "undo"),
    "done": ("good", "circle-take"),
    "dropped": ("quiet", "trash"),
    "failed": ("bad", "warning"),
    "finished": ("good", "check"),
    "half_open": ("warn", "half"),
    "intended": ("quiet", "dotted"),
    "making": ("busy", "half"),
    "open": ("busy", "dotted"),
    "paused": ("warn", "pause"),
    "planned": ("quiet", "dotted"),
    "proposed": ("warn", "pencil"),
    "published": ("good", "check"),
    "queued": ("quiet", "clock"),
    "ready": ("accent", "eye"),
    "refused": ("bad", "ban"),
    "rejected": ("quiet", "reject"),
    "rendering": ("busy", "half"),
    "retired": ("quiet", "minus"),
    "review": ("accent", "circle-take"),
    "running": ("busy", "half"),
    "selected": ("accent", "check-circle"),
    "signed": ("busy", "pencil"),
    "staged": ("quiet", "clock"),
    "stopped": ("bad", "stop"),
    "stopped_by_budget": ("bad", "stop"),
    "submitting": ("busy", "upload"),
    "succeeded": ("good", "check"),
    "superseded": ("quiet", "minus"),
    "under_review": ("busy", "half"),
    "unknown": ("warn", "question"),
    "void": ("quiet", "minus"),
    "waiting": ("warn", "clock"),
    "withdrawn": ("quiet", "undo"),
    "written_off": ("quiet", "trash"),
}

# Later ones win where keys repeat.
SOURCES: tuple[type[TextChoices], ...] = (
    health.BreakerState,
    tables.TableState,
    runs.CallState,
    runs.RunState,
    decisions.RequestState,
    work.BoardColumn,
    work.DeliverableState,
    takes.TakeState,
    takes.TakeMark,
)


def states() -> dict[str, tuple[str, str, str]]:
    """Key → (word, tone, sign) for every state that a page may show."""
    found = {key: key.replace("_", " ").capitalize() for key in LOOKS}
    for source in SOURCES:
        found.update({value: str(label) for value, label in source.choices if value})
    return {key: (word, *LOOKS.get(key, ("quiet", "dotted"))) for key, word in found.items()}


STATES = states()
TIERS = {
    "cinematic": ("Cinematic", "film"),
    "speed": ("Speed", "bolt"),
    "budget": ("Economy tier", "coin"),
    "character": ("Character stability", "face"),
    "refine": ("Refine", "polish"),
    "text": ("Text", "text"),
}
PHASES = {"draft": ("Draft", "pencil"), "hero": ("Hero", "diamond")}
