"""Addresses about the workspace itself: its people, settings, queue, activity, notices and search."""

from django.urls import path

from generation.views import invitations, people

WORKSPACE = "w/<slug:workspace>/"
PEOPLE = f"{WORKSPACE}people/"

urlpatterns = [
    path("invitations/<str:secret>/", invitations.invitation, name="invitation"),
    path(PEOPLE, people.people, name="people"),
    path(f"{PEOPLE}invite/", people.invite, name="invite"),
    path(f"{PEOPLE}rates/", people.role_rate, name="role_rate"),
    path(f"{PEOPLE}invitations/<uuid:invitation_id>/withdraw/", people.withdraw, name="withdraw_invitation"),
    path(f"{PEOPLE}<uuid:membership_id>/roles/", people.roles, name="roles"),
    path(f"{PEOPLE}<uuid:membership_id>/end/", people.end, name="end_membership"),
]
