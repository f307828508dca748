"""Rows of the lowest room: people, what is wanted, takes, decisions, events."""

from projects.models.batches import Batch, BatchCell, BatchSlot
from projects.models.decisions import (
    CapDecision,
    CapRequest,
    Decision,
    HeroDecision,
    HeroRequest,
    RejectReason,
)
from projects.models.events import Event, TakeView, TimeKind, TimeLog
from projects.models.notes import TakeNote
from projects.models.notices import Notice, NoticePreference
from projects.models.people import (
    ApiToken,
    IdempotencyRecord,
    Invitation,
    Membership,
    Person,
    Role,
    RoleRate,
    SavedFilter,
    Workspace,
)
from projects.models.standing import StandingMonth, StandingRule
from projects.models.takes import Asset, Rendition, Round, Take, TakeAsset
from projects.models.touches import Touch
from projects.models.work import (
    Campaign,
    Category,
    CategoryTarget,
    Deliverable,
    Format,
    Phase,
    Project,
    ReferenceAnchor,
)

__all__ = [
    "ApiToken",
    "Asset",
    "Batch",
    "BatchCell",
    "BatchSlot",
    "Campaign",
    "CapDecision",
    "CapRequest",
    "Category",
    "CategoryTarget",
    "Decision",
    "Deliverable",
    "Event",
    "Format",
    "HeroDecision",
    "HeroRequest",
    "IdempotencyRecord",
    "Invitation",
    "Membership",
    "Notice",
    "NoticePreference",
    "Person",
    "Phase",
    "Project",
    "ReferenceAnchor",
    "RejectReason",
    "Rendition",
    "Role",
    "RoleRate",
    "Round",
    "SavedFilter",
    "StandingMonth",
    "StandingRule",
    "Take",
    "TakeAsset",
    "TakeNote",
    "TakeView",
    "TimeKind",
    "TimeLog",
    "Touch",
    "Workspace",
]
