"""Addresses of the API, under /api/. Rows are named by id or key; a campaign's key is `project/campaign`."""

from django.urls import URLPattern, URLResolver, include, path, register_converter

from generation.api import problems, references
from generation.api.views import (
    approvals,
    batches,
    document,
    history,
    invoices,
    money,
    prices,
    routing,
    takes,
    work,
)

register_converter(references.OneKey, "key")
register_converter(references.CampaignName, "campaign")
register_converter(references.DeliverableName, "deliverable")

DELIVERABLE = "deliverables/<deliverable:deliverable>/"
TAKE = "takes/<uuid:take>/"
BATCH = "batches/<uuid:batch>/"
MONTH = "reconciliations/<key:provider>/<key:month>/"
HERO = "hero-requests/<uuid:hero_request>/"

# What belongs to a row comes before the row: a key may be called as a part of an address is.
version_1: list[URLPattern | URLResolver] = [
    path("schema/", document.Document.as_view(), name="api-schema"),
    path("me/", work.Me.as_view()),
    path("projects/", work.Projects.as_view()),
    path("projects/<key:project>/", work.OneProject.as_view()),
    path("campaigns/", work.Campaigns.as_view()),
    path("campaigns/<campaign:campaign>/references/", work.References.as_view()),
    path("campaigns/<campaign:campaign>/", work.OneCampaign.as_view()),
    path("categories/", work.Categories.as_view()),
    path("formats/", work.Formats.as_view()),
    path("catalogue/", routing.Catalogue.as_view()),
    path("runs/", money.Runs.as_view()),
    path("events/", money.Events.as_view()),
    path("budgets/", money.Budgets.as_view()),
    path("budgets/<uuid:budget>/", money.OneBudget.as_view()),
    path("prompt-templates/", routing.PromptTemplates.as_view()),
    path("pipelines/", routing.Pipelines.as_view()),
    path("deliverables/", work.Deliverables.as_view()),
    path("deliverables/import/", work.ImportDeliverables.as_view()),
    path(f"{DELIVERABLE}takes/upload/", takes.Upload.as_view()),
    path(f"{DELIVERABLE}takes/", takes.Takes.as_view()),
    path(f"{DELIVERABLE}write-off/", work.WriteOff.as_view()),
    path(f"{DELIVERABLE}reopen/", work.Reopen.as_view()),
    path(f"{DELIVERABLE}cap-requests/", approvals.AskForMore.as_view()),
    path(DELIVERABLE, work.OneDeliverable.as_view()),
    path("quotes/", takes.Quotes.as_view()),
    path("batches/", batches.Batches.as_view()),
    path("batches/quote/", batches.BatchQuotes.as_view()),
    path(BATCH, batches.OneBatch.as_view()),
    path(f"{BATCH}cells/", batches.BatchCells.as_view()),
    path(f"{BATCH}pause/", batches.PauseBatch.as_view()),
    path(f"{BATCH}resume/", batches.ResumeBatch.as_view()),
    path(f"{BATCH}cancel/", batches.CancelBatch.as_view()),
    path(TAKE, takes.OneTake.as_view()),
    path(f"{TAKE}cancel/", takes.Cancel.as_view()),
    path(f"{TAKE}recall/", takes.Recall.as_view()),
    path(f"{TAKE}reviews/", takes.Reviews.as_view()),
    path(f"{TAKE}hero-requests/", approvals.AskForHero.as_view()),
    path("assets/<uuid:asset>/", takes.File.as_view(), name="api-asset"),
    path("hero-requests/", approvals.HeroRequests.as_view()),
    path(HERO, approvals.OneHeroRequest.as_view()),
    path(f"{HERO}decisions/", approvals.HeroDecisions.as_view()),
    path(f"{HERO}undo/", approvals.UndoHero.as_view()),
    path("cap-requests/", approvals.CapRequests.as_view()),
    path("cap-requests/<uuid:cap_request>/", approvals.OneCapRequest.as_view()),
    path("cap-requests/<uuid:cap_request>/decisions/", approvals.CapDecisions.as_view()),
    path("routing/resolve/", routing.Resolve.as_view()),
    path("routing/tables/", routing.Tables.as_view()),
    path("routing/tables/<int:version>/", routing.OneTable.as_view()),
    path("routing/tables/<int:version>/publish/", routing.PublishTable.as_view()),
    path("price-rows/", prices.PriceRows.as_view()),
    path("price-rows/<uuid:price_row>/decisions/", prices.PriceDecisions.as_view()),
    path("exchange-rates/", prices.ExchangeRates.as_view()),
    path("credit-lots/", prices.CreditLots.as_view()),
    path("ledger/", money.Ledger.as_view()),
    path("history/", history.History.as_view()),
    path("history/<uuid:job>/", history.OneHistoryJob.as_view()),
    path("invoices/", invoices.Invoices.as_view()),
    path("invoices/<uuid:invoice>/", invoices.OneInvoice.as_view()),
    path("invoices/<uuid:invoice>/withdraw/", invoices.Withdraw.as_view()),
    path(MONTH, invoices.Reconciliation.as_view()),
    path(f"{MONTH}differences/", invoices.Differences.as_view()),
    path(f"{MONTH}accept/", invoices.AcceptClass.as_view()),
    path("differences/<uuid:difference>/accept/", invoices.Accept.as_view()),
    path("differences/<uuid:difference>/adjust/", invoices.Adjust.as_view()),
    path("differences/<uuid:difference>/undo/", invoices.Undo.as_view()),
    path("unclaimed/", invoices.Unclaimed.as_view()),
    path("unclaimed/assign/", invoices.Assign.as_view()),
    path("audits/<key:month>/", money.Audit.as_view()),
    path("audits/<key:month>/export/", money.AuditExport.as_view()),
]
urlpatterns: list[URLPattern | URLResolver] = [
    path("v1/", include(version_1)),
    path("<path:path>", problems.unknown_address),
    path("", problems.unknown_address),
]
