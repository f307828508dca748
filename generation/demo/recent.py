"""The last two weeks: real takes with real media, through the product's own functions, and what waits."""

from __future__ import annotations

import dataclasses
import datetime
from decimal import Decimal

from django.conf import settings

from generation import caps, heroes, quotes, reviews, takes, uploads
from generation.demo import cast, clients
from generation.demo.calendar import DAY
from generation.demo.easel import Easel
from generation.demo.scenes import REELS, SCENES, Reel, Scene
from generation.demo.studio import Studio
from generation.models import ControlProfile
from projects import people, work
from projects.models import Campaign, Deliverable, HeroRequest, Phase, Project, Take
from projects.models.takes import TakeState

HOUR = datetime.timedelta(hours=1)
REFERENCES = (
    ("character-sheet.webp", "Mara, the barista"),
    ("product-pouch.webp", "The pouch"),
    ("palette-board.webp", "The campaign's colours"),
)
NOTE = "The frame holds; please make it large."
INVITED = "ines.duarte@example.com"


@dataclasses.dataclass
class Stage:
    """A scene with its deliverable and the instant up to which it was told."""

    scene: Scene
    deliverable: Deliverable
    at: datetime.datetime
    hero: HeroRequest | None = None

    def drafts(self) -> list[Take]:
        rows = Take.objects.filter(deliverable=self.deliverable, phase=Phase.DRAFT, state=TakeState.READY)
        return list(rows.select_related("deliverable__campaign__project", "deliverable__category"))


def make(studio: Studio, easel: Easel, *, scenes: int) -> int:
    """Makes the recent scenes and the campaign of the walk-through; answers how many takes they have."""
    _short_profile(studio)
    reels = {key: _campaign(studio, reel) for key, reel in REELS.items()}
    stages = [_asked_for(studio, reels[scene.reel], scene) for scene in SCENES[:scenes]]
    easel.draw()
    for stage in stages:
        _chosen(studio, stage)
    easel.draw()
    for stage in stages:
        _signed(studio, stage)
    _references(studio)
    easel.shrink()
    people.invite(email=INVITED, roles=["viewer"], by=studio.member(cast.GUS), now=studio.year.end)
    return Take.objects.filter(deliverable__campaign__in=list(reels.values())).count()


def _short_profile(studio: Studio) -> None:
    ControlProfile.objects.create(
        workspace=studio.workspace,
        slug="short",
        version=1,
        name="Short: two seconds",
        duration_seconds=Decimal(2),
        author=studio.person(cast.DARIO),
        published_at=studio.year.start,
    )


def _campaign(studio: Studio, reel: Reel) -> Campaign:
    client = next(one for one in clients.CLIENTS if one.key == reel.client)
    begun = studio.year.end - 16 * DAY
    campaign = work.create_campaign(
        project=Project.objects.get(workspace=studio.workspace, key=reel.client),
        key=reel.key,
        name=reel.name,
        by=studio.member(cast.ANA),
        seed_policy="campaign",
        seed=reel.seed,
        palette=list(client.palette),
        starts_on=begun.date(),
        job_number=f"{client.key[:2].upper()}-2024",
        fee=Decimal(18_000),
        now=begun,
    )
    Campaign.objects.filter(pk=campaign.pk).update(created_at=begun)
    return campaign


def _asked_for(studio: Studio, campaign: Campaign, scene: Scene) -> Stage:
    """The deliverable, and a round of its drafts."""
    by = studio.member(scene.by)
    begun = studio.year.end - scene.days_ago * DAY - 14 * HOUR
    deliverable = work.create_deliverable(
        campaign=campaign,
        key=scene.key,
        name=scene.name,
        category=studio.categories[scene.category],
        by=by,
        brief=scene.brief,
        format=studio.formats[scene.shape],
        due_on=(studio.year.end + (12 - scene.days_ago) * DAY).date(),
        now=begun,
    )
    at = begun + HOUR
    takes.make(deliverable=deliverable, by=by, count=scene.drafts, control_profile="short", now=at)
    return Stage(scene, deliverable, at + HOUR)


def _chosen(studio: Studio, stage: Stage) -> None:
    """Rejects what was not right and selects the last draft, as far as the scene goes."""
    ends, by = stage.scene.ends, studio.member(stage.scene.by)
    drafts = stage.drafts()
    if ends in ("choose", "cap"):
        if ends == "cap":
            _more(studio, stage)
        if stage.scene.drafts > 2:
            _look_and(studio, stage, drafts[0], "reject", reasons=["off_brief"])
        return
    if ends == "dropped":
        reviews.write_off(
            deliverable=stage.deliverable, reason="The line was cut.", by=studio.member(cast.DARIO),
            now=stage.at,
        )  # fmt: skip
        return
    for take in drafts[:-1]:
        _look_and(studio, stage, take, "reject", reasons=["off_brief"])
    if ends == "sketched":
        _look_and(studio, stage, drafts[-1], "accept", who=cast.CHLOE)
        return
    _look_and(studio, stage, drafts[-1], "select")
    if ends == "picked":
        return
    stage.hero = heroes.request(take=drafts[-1], by=by, note=NOTE, now=stage.at)
    if ends in ("sign", "done"):
        stage.at += 5 * HOUR
        manager = studio.member(cast.EMI)
        heroes.approve(hero_request=stage.hero, by=manager, note="Go.", now=stage.at)
        stage.at += HOUR + datetime.timedelta(seconds=settings.HERO_UNDO_SECONDS)


def _signed(studio: Studio, stage: Stage) -> None:
    if stage.scene.ends != "done":
        return
    take = Take.objects.select_related("deliverable__category", "deliverable__campaign__project").get(
        deliverable=stage.deliverable, phase=Phase.HERO
    )
    stage.at += 4 * HOUR
    _look_and(studio, stage, take, "accept", who=cast.DARIO)


def _look_and(
    studio: Studio,
    stage: Stage,
    take: Take,
    decision: str,
    *,
    who: cast.Character | None = None,
    reasons: tuple[str, ...] | list[str] = (),
) -> None:
    by = studio.member(who or stage.scene.by)
    reviews.opened(take=take, by=by, now=stage.at)
    stage.at += datetime.timedelta(minutes=3)
    reviews.review(take=take, decision=decision, by=by, reasons=reasons, now=stage.at)


def _more(studio: Studio, stage: Stage) -> None:
    price = quotes.quote(deliverable=stage.deliverable, phase=Phase.DRAFT, count=3, now=stage.at)
    caps.request(
        deliverable=stage.deliverable,
        more=3,
        reason="The client asks for a view from the valley as well.",
        by=studio.member(stage.scene.by),
        at_most=price.at_most,
        now=stage.at,
    )


def _references(studio: Studio) -> None:
    """The walk-through's campaign: pictures that hold its identity, and no deliverable yet."""
    folder = settings.BASE_DIR / "examples" / "brief"
    for name, label in REFERENCES:
        uploads.add_reference(
            campaign=studio.winter_light, file=folder / name, by=studio.member(cast.ANA), label=label
        )
