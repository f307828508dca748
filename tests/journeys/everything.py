"""A workspace where each page has something to show, and the addresses of all of them."""

from __future__ import annotations

import io
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import av
import numpy as np
from django.core.mail import EmailMessage, get_connection
from django.utils import timezone
from PIL import Image

from billing import budgets
from billing.invoices import imports, settle
from billing.models import Difference, InvoiceUpload, PriceRow
from generation import batches, caps, heroes, history, mailbox, reviews, takes, uploads, workspaces
from projects import access, people, tokens
from projects.models import Asset, Deliverable, Membership, Phase, Role, Take
from projects.models.takes import TakeState
from routing import default_table, tables
from tests import factories, policy
from tests.billing import written
from tests.cast import Cast
from tests.journeys import passing_on, price_rooms

NO_PAGES = {
    "": "leads to the home of one's workspace",
    "healthz": "for machines",
    "readyz": "for machines",
    "metrics": "for machines",
    "w/<workspace>/approvals/<request_id>/looking/": "a part of the inbox",
    "w/<workspace>/approvals/bulk/": "shows what is below a price, opened with one",
    "w/<workspace>/batches/new/": "shows what was ticked, opened with a choice",
    "w/<workspace>/charts/<name>.svg": "a picture",
    "w/<workspace>/deliverables/<deliverable_id>/files/": "a ZIP",
    "w/<workspace>/deliverables/<deliverable_id>/quote/": "a part of the take desk",
    "w/<workspace>/health/charts/<name>/<digest>.svg": "a picture",
    "w/<workspace>/health/tables/<table>.csv": "a CSV file",
    "w/<workspace>/media/<asset_id>/": "a file",
    "w/<workspace>/media/<asset_id>/<kind>/": "a picture",
    "w/<workspace>/journal/<month>/<layout>.csv": "a CSV file",
    "w/<workspace>/budgets/<budget_id>/charts/<digest>.svg": "a picture",
    "w/<workspace>/budgets/<budget_id>/days.csv": "a CSV file",
    "w/<workspace>/standing-rules/approved.csv": "a CSV file",
    "w/<workspace>/month/<month>/charts/<digest>.svg": "a picture",
    "w/<workspace>/exports/<job_id>/": "of a job, which only large months have",
    "w/<workspace>/exports/<job_id>/file/": "a file",
    "w/<workspace>/month/<month>/exports/<form>/": "a file",
    "w/<workspace>/month/<month>/tables/<table>.csv": "a CSV file",
    "w/<workspace>/outlook/evidence/charts/<digest>.svg": "a picture",
    "w/<workspace>/outlook/exposure/charts/<digest>.svg": "a picture",
    "w/<workspace>/outlook/forecast/charts/<digest>.svg": "a picture",
    "w/<workspace>/outlook/stability/charts/<digest>.svg": "a picture",
    "w/<workspace>/outlook/what-if/charts/<digest>.svg": "a picture",
    "w/<workspace>/prices/history/": "shows a model, opened with its key",
    "w/<workspace>/prices/history/<digest>.svg": "a picture",
    "w/<workspace>/prices/prices.csv": "a CSV file",
}
BESIDE = (
    ("read", "w/studio/projects/acme/autumn/?view=table"),
    ("approve", "w/studio/approvals/bulk/?limit=5"),
    ("read", "w/studio/queue/?whose=all"),
    ("read", "w/studio/search/?q=opening"),
    ("read", "w/studio/month/2025-10/?by=model"),
    ("read", "w/studio/journal/?month=2025-10"),
    ("read", "w/studio/chargeback/?month=2025-10"),
    ("read", price_rooms.HISTORY),
    ("keep_books", price_rooms.HISTORY),
    ("read", "w/studio/nowhere/"),
    ("public", "accounts/login/"),
    ("public", "accounts/password/reset/"),
)


def picture(shade: int) -> io.BytesIO:
    """A PNG of 320 by 180, different for each shade."""
    file = io.BytesIO()
    Image.new("RGB", (320, 180), (shade, 90, 255 - shade)).save(file, "PNG")
    return io.BytesIO(file.getvalue())


def video() -> io.BytesIO:
    """An MP4 of half a second."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=24)
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for number in range(12):
            frame = av.VideoFrame.from_ndarray(np.full((180, 320, 3), 20 * number, np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return io.BytesIO(file.getvalue())


def furnish(cast: Cast, folder: Path) -> dict[str, Any]:
    """Fills a furnished workspace with one of everything; gives the parts of addresses."""
    _history(cast)
    opening, capped = cast.deliverable, _another(cast, "capped")
    known: dict[str, Any] = {"deliverable_id": opening.pk, "capped": capped.pk}
    chosen = [_uploaded(cast, opening, shade) for shade in (40, 120, 200)][1]
    reviews.review(take=chosen, decision="select", by=cast.producer, note="The calmest of them")
    heroes.request(take=Take.objects.get(pk=chosen.pk), by=cast.producer)
    _fail(takes.make(deliverable=opening, by=cast.producer).takes.get())
    takes.make(deliverable=opening, by=cast.manager)
    Deliverable.objects.filter(pk=capped.pk).update(cap=1)
    _uploaded(cast, capped, 80)
    caps.request(deliverable=capped, more=2, reason="The light changed", by=cast.producer)
    known["accepted"] = _accepted(cast).pk
    known["batch_id"] = batches.make(deliverables=[_another(cast, "batch")], count=2, by=cast.producer).pk
    known["budget_id"] = budgets.set_budget(
        scope="workspace", window="month", limit=Decimal(200), by=cast.manager
    ).pk
    known["number"] = _proposal(cast)
    known["agreement_id"] = price_rooms.furnish(cast)
    known |= passing_on.furnish(cast)
    known["row_id"] = PriceRow.objects.filter(workspace=cast.workspace)[0].pk
    known["secret"] = people.invite(email="new@example.com", roles=[Role.VIEWER], by=cast.admin)[1]
    known["name"] = _mail(folder)
    known |= _billed(cast)
    tokens.issue(membership=cast.manager, label="Nightly")
    uploads.add_reference(campaign=cast.campaign, file=picture(10), by=cast.producer, label="Lighthouse")
    known["asset_id"] = Asset.objects.filter(workspace=cast.workspace)[0].pk
    return known


def addresses(known: dict[str, Any]) -> list[tuple[str, str]]:
    """Right and address of every page that can be opened, from the table of policies."""
    usual = {"workspace": "studio", "project": "acme", "campaign": "autumn", "month": "2025-10"}
    usual |= {"year": "2025", "term": "wip"} | known
    found = [
        (right, re.sub(r"<(\w+)>", lambda match: str(usual[match[1]]), address))
        for methods, right, address in policy.lines(policy.PAGES)
        if "GET" in methods and address not in NO_PAGES
    ]
    desks = [("read", f"w/studio/deliverables/{known[name]}/") for name in ("capped", "accepted")]
    choice = [
        ("make", f"w/studio/batches/new/?deliverables={known['deliverable_id']}&count=2"),
        ("keep_books", f"w/studio/invoices/fal/2025-10/?kind=tax&d={known['difference_id']}"),
    ]
    return [*found, *desks, *choice, *BESIDE]


def member_with(cast: Cast, right: str) -> Membership | None:
    """The manager, or who else has the right that the manager lacks; None where nobody signs in."""
    if right in ("public", "demo"):
        return None
    able = access.roles_with(right)
    return cast.manager if Role.MANAGER in able else cast.by_role[able[0]]


def _history(cast: Cast) -> None:
    charges = written.charges_file(*written.OCTOBER_CHARGES, *written.SEPTEMBER_CHARGES)
    decisions = written.decisions_file(*written.OCTOBER_DECISIONS, *written.SEPTEMBER_DECISIONS)
    history.import_history(
        workspace=cast.workspace,
        charges=io.BytesIO(charges.encode()),
        decisions=io.BytesIO(decisions.encode()),
        by=None,
    )


def _billed(cast: Cast) -> dict[str, Any]:
    """A bill with differences, an unclaimed charge, and a file that nobody has imported yet."""
    head = "date,amount,currency,request id,model,type\n"
    rows = "2025-10-14T12:00:00Z,0.31,EUR,job-1,flux,\n2025-10-14,0.06,EUR,,,VAT\n"
    said = {"provider": "fal", "month": "2025-10", "source": "invoice", "file_name": "fal-2025-10.csv"}
    imports.bring_in(imports.Bill(content=(head + rows).encode(), **said), by=cast.finance)
    lost = Difference.objects.get(kind="missing_here")
    settle.adjust(difference=lost, reason="It was used", by=cast.finance)
    kept = InvoiceUpload.objects.create(
        workspace=cast.workspace,
        content=f"{head}2025-10-15,much,EUR,job-2,flux,\n".encode(),
        uploaded_by=cast.finance.person,
        uploaded_at=timezone.now(),
        **said,
    )
    tax = Difference.objects.get(kind="tax")
    return {"provider": "fal", "upload_id": kept.pk, "difference_id": tax.pk}


def _another(cast: Cast, key: str) -> Deliverable:
    return factories.deliverable(
        cast.campaign,
        key,
        name=f"The {key} film, in which a lighthouse keeper waits for the morning ferry",
        category=cast.brand_film,
        format=cast.format,
        brief="A harbour in fog",
    )


def _uploaded(cast: Cast, deliverable: Deliverable, shade: int) -> Take:
    made = uploads.Made("Blender", Decimal("1.20"), "EUR")
    return uploads.upload(deliverable=deliverable, file=picture(shade), made=made, by=cast.producer)


def _fail(take: Take) -> None:
    Take.objects.filter(pk=take.pk).update(
        state=TakeState.FAILED, failure="The provider refused the prompt.", ended_at=take.requested_at
    )


def _accepted(cast: Cast) -> Deliverable:
    """A deliverable whose hero take is signed off."""
    deliverable = _another(cast, "accepted")
    draft = _uploaded(cast, deliverable, 220)
    made = uploads.Made("Houdini", Decimal(12), "EUR")
    hero = uploads.upload(
        deliverable=deliverable,
        file=video(),
        made=made,
        by=cast.producer,
        phase=Phase.HERO,
        source_take=draft,
    )
    reviews.review(take=hero, decision="accept", by=cast.manager)
    return deliverable


def _proposal(cast: Cast) -> int:
    table = tables.propose(
        content={**default_table.build(), "name": "Proposal"},
        reason="Another name",
        by=cast.producer,
        pipelines=workspaces.published(cast.workspace),
    )
    return table.version


def _mail(folder: Path) -> str:
    """A mail in the demo's mailbox, which is this folder; its name there."""
    by_file = get_connection("django.core.mail.backends.filebased.EmailBackend", file_path=str(folder))
    EmailMessage(
        "A hero render waits", "Opening waits for you.", None, ["manager@example.com"], connection=by_file
    ).send()
    return mailbox.mails()[0].name
