"""Addresses of what providers billed, and of charges that belong to no take."""

from django.urls import path

from generation.views import bills, invoices, unclaimed

ROOT = "w/<slug:workspace>/invoices/"
MONTH = f"{ROOT}<slug:provider>/<str:month>/"
urlpatterns = [
    path(ROOT, invoices.listed, name="invoices"),
    path(f"{ROOT}new/", invoices.upload, name="new_invoice"),
    path(f"{ROOT}uploads/<uuid:upload_id>/", invoices.look, name="invoice_upload"),
    path(f"{ROOT}bills/<uuid:invoice_id>/withdraw/", bills.withdraw, name="withdraw_invoice"),
    path(f"{ROOT}differences/<uuid:difference_id>/", invoices.settle_one, name="settle_difference"),
    path(MONTH, invoices.statement_page, name="provider_month"),
    path(f"{MONTH}class/", invoices.accept_class, name="accept_class"),
    path(f"{MONTH}compare/", invoices.compare, name="compare_bills"),
    path(f"{MONTH}tolerance/", invoices.tolerance, name="invoice_tolerance"),
    path("w/<slug:workspace>/unclaimed/", unclaimed.page, name="unclaimed"),
    path("w/<slug:workspace>/unclaimed/assign/", unclaimed.assign, name="assign_unclaimed"),
]
