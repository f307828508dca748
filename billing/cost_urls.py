"""Addresses of what campaigns bear and what is passed on: shared costs, statements, the journal, time."""

from django.urls import URLPattern, URLResolver, path

from billing.views import passing_on, shared, time

urlpatterns: list[URLPattern | URLResolver] = [
    path("w/<slug:workspace>/chargeback/", passing_on.clients, name="chargeback"),
    path("w/<slug:workspace>/chargeback/<uuid:project_id>/", passing_on.statement, name="chargeback_client"),
    path("w/<slug:workspace>/chargeback/<uuid:project_id>/mark-up/", passing_on.mark_up, name="mark_up"),
    path(
        "w/<slug:workspace>/chargeback/campaigns/<uuid:campaign_id>/", passing_on.terms, name="campaign_terms"
    ),
    path("w/<slug:workspace>/journal/", passing_on.journal_page, name="journal"),
    path("w/<slug:workspace>/journal/accounts/", passing_on.accounts, name="journal_accounts"),
    path(
        "w/<slug:workspace>/journal/<str:month>/<slug:layout>.csv",
        passing_on.journal_file,
        name="journal_file",
    ),
    path("w/<slug:workspace>/time/", time.own, name="time"),
    path("w/<slug:workspace>/time/all/", time.everybody, name="time_of_all"),
    path("w/<slug:workspace>/time/<uuid:log_id>/take-back/", time.take_back, name="take_time_back"),
    path("w/<slug:workspace>/shared/", shared.listed, name="shared"),
    path("w/<slug:workspace>/shared/<uuid:campaign_id>/", shared.campaign, name="shared_campaign"),
    path("w/<slug:workspace>/shared/<uuid:campaign_id>/new/", shared.new, name="new_shared"),
    path("w/<slug:workspace>/shared/<uuid:campaign_id>/take/", shared.take_over, name="shared_take"),
    path("w/<slug:workspace>/shared/<uuid:campaign_id>/end/", shared.end, name="shared_end"),
    path(
        "w/<slug:workspace>/shared/<uuid:campaign_id>/<uuid:entry_id>/", shared.adjust, name="shared_adjust"
    ),
]
