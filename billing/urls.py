"""Addresses of this room's pages."""

from django.urls import URLPattern, URLResolver, include, path

from billing.views import budget, budgets, closing, exports, month, month_entries

app_name = "billing"
RAISE = "w/<slug:workspace>/budgets/raises/<uuid:raise_id>/"
BUDGET = "w/<slug:workspace>/budgets/<uuid:budget_id>/"
urlpatterns: list[URLPattern | URLResolver] = [
    path("w/<slug:workspace>/budgets/", budgets.listed, name="budgets"),
    path("w/<slug:workspace>/budgets/new/", budgets.new, name="new_budget"),
    path("w/<slug:workspace>/budgets/raises/<uuid:raise_id>/", budget.decide, name="decide_raise"),
    path(
        "w/<slug:workspace>/budgets/raises/<uuid:raise_id>/withdraw/", budget.withdraw, name="withdraw_raise"
    ),
    path(BUDGET, budget.page, name="budget"),
    path(f"{BUDGET}days.csv", budget.days, name="budget_days"),
    path(f"{BUDGET}charts/<slug:digest>.svg", budget.chart, name="budget_chart"),
    path(f"{BUDGET}alerts/", budgets.told, name="budget_alerts"),
    path(f"{BUDGET}raise/", budget.ask, name="raise_budget"),
    path("w/<slug:workspace>/budgets/<uuid:budget_id>/limit/", budgets.limit, name="budget_limit"),
    path("w/<slug:workspace>/budgets/<uuid:budget_id>/end/", budgets.end, name="end_budget"),
    path("w/<slug:workspace>/month/", month.month, name="month"),
    path("w/<slug:workspace>/month/<str:month>/", month.month, name="month"),
    path("w/<slug:workspace>/year/<int:year>/", closing.year, name="year"),
    path("w/<slug:workspace>/month/<str:month>/close/", closing.page, name="month_close"),
    path("w/<slug:workspace>/month/<str:month>/close/<slug:step>/", closing.step, name="month_close_step"),
    path("w/<slug:workspace>/month/<str:month>/entries/", month_entries.entries, name="month_entries"),
    path("w/<slug:workspace>/month/<str:month>/tables/<slug:table>.csv", month.export, name="month_export"),
    path("w/<slug:workspace>/month/<str:month>/charts/<slug:digest>.svg", month.chart, name="month_chart"),
    path("w/<slug:workspace>/month/<str:month>/exports/<slug:form>/", exports.month_file, name="month_file"),
    path("w/<slug:workspace>/exports/<uuid:job_id>/", exports.export_job, name="export_job"),
    path("w/<slug:workspace>/exports/<uuid:job_id>/file/", exports.export_job_file, name="export_job_file"),
    path("", include("billing.audit_urls")),
    path("", include("billing.price_urls")),
    path("", include("billing.cost_urls")),
]
