"""Addresses of prices, exchange rates, credits and agreements."""

from django.urls import URLPattern, URLResolver, path

from billing.views import agreements, credits, month_prices, price_book, prices, rerating

urlpatterns: list[URLPattern | URLResolver] = [
    path("w/<slug:workspace>/month/<str:month>/prices/", month_prices.month_prices, name="month_prices"),
    path("w/<slug:workspace>/prices/", prices.listed, name="prices"),
    path("w/<slug:workspace>/prices/new/", prices.new_price, name="new_price"),
    path("w/<slug:workspace>/prices/history/", price_book.history, name="price_history"),
    path("w/<slug:workspace>/prices/history/<slug:digest>.svg", price_book.chart, name="price_chart"),
    path("w/<slug:workspace>/prices/prices.csv", price_book.export, name="export_prices"),
    path("w/<slug:workspace>/prices/import/", price_book.import_prices, name="import_prices"),
    path("w/<slug:workspace>/prices/approve/", price_book.approve_all, name="approve_prices"),
    path("w/<slug:workspace>/prices/<uuid:row_id>/decide/", price_book.decide, name="decide_price"),
    path("w/<slug:workspace>/prices/<uuid:row_id>/rerate/", rerating.rerate, name="rerate"),
    path("w/<slug:workspace>/agreements/", agreements.listed, name="agreements"),
    path("w/<slug:workspace>/agreements/new/", agreements.new, name="new_agreement"),
    path("w/<slug:workspace>/agreements/<uuid:agreement_id>/end/", agreements.end, name="end_agreement"),
    path("w/<slug:workspace>/credits/", credits.listed, name="credits"),
    path("w/<slug:workspace>/credits/new/", credits.new_lot, name="new_lot"),
    path("w/<slug:workspace>/credits/balance/", credits.new_balance, name="new_balance"),
    path("w/<slug:workspace>/credits/balances/import/", credits.import_balances, name="import_balances"),
    path("w/<slug:workspace>/rates/", prices.listed_rates, name="rates"),
    path("w/<slug:workspace>/rates/import/", prices.import_rates, name="import_rates"),
    path("w/<slug:workspace>/rates/new/", prices.new_rate, name="new_rate"),
]
