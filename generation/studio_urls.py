"""Addresses about the workspace itself: its people, settings, queue, activity, notices and search."""

from django.urls import path

from generation.views import (
    activity,
    batches,
    chats,
    deliverables,
    invitations,
    mailbox,
    notices,
    people,
    providers,
    queue,
    recipes,
    search,
    settings,
    tokens,
    unknown,
)

WORKSPACE = "w/<slug:workspace>/"
PEOPLE = f"{WORKSPACE}people/"
QUEUE = f"{WORKSPACE}queue/"
SETTINGS = f"{WORKSPACE}settings/"
CHATS = f"{SETTINGS}chats/"
ACCOUNTS = f"{SETTINGS}providers/<uuid:account_id>/"
BATCH = f"{WORKSPACE}batches/<uuid:batch_id>/"
DELIVERABLE = f"{WORKSPACE}deliverables/<uuid:deliverable_id>/"

urlpatterns = [
    path("invitations/<str:secret>/", invitations.invitation, name="invitation"),
    path(PEOPLE, people.people, name="people"),
    path(f"{PEOPLE}invite/", people.invite, name="invite"),
    path(f"{PEOPLE}rates/", people.role_rate, name="role_rate"),
    path(f"{PEOPLE}invitations/<uuid:invitation_id>/withdraw/", people.withdraw, name="withdraw_invitation"),
    path(f"{PEOPLE}<uuid:membership_id>/roles/", people.roles, name="roles"),
    path(f"{PEOPLE}<uuid:membership_id>/end/", people.end, name="end_membership"),
    path(SETTINGS, settings.workspace, name="settings"),
    path(f"{SETTINGS}save/", settings.save_workspace, name="save_settings"),
    path(f"{SETTINGS}categories/", settings.categories, name="categories"),
    path(f"{SETTINGS}categories/add/", settings.add_category, name="add_category"),
    path(f"{SETTINGS}categories/target/", settings.set_target, name="set_target"),
    path(f"{SETTINGS}formats/add/", settings.add_format, name="add_format"),
    path(f"{SETTINGS}you/", settings.personal, name="personal"),
    path(f"{SETTINGS}notices/", notices.preferences, name="notice_preferences"),
    path(f"{SETTINGS}providers/", providers.providers, name="providers"),
    path(f"{SETTINGS}providers/add/", providers.add, name="add_account"),
    path(f"{ACCOUNTS}key/", providers.change_key, name="change_account_key"),
    path(f"{ACCOUNTS}webhook-secret/", providers.change_secret, name="change_account_secret"),
    path(f"{ACCOUNTS}limits/", providers.limits, name="account_limits"),
    path(f"{ACCOUNTS}switch/", providers.switch, name="switch_account"),
    path(f"{ACCOUNTS}place/", providers.change_place, name="account_place"),
    path(f"{ACCOUNTS}remove/", providers.remove, name="remove_account"),
    path(f"{ACCOUNTS}test/", providers.test, name="test_account"),
    path(CHATS, chats.chats, name="chats"),
    path(f"{CHATS}add/", chats.add, name="add_chat"),
    path(f"{CHATS}<uuid:hook_id>/test/", chats.test, name="test_chat"),
    path(f"{CHATS}<uuid:hook_id>/switch/", chats.switch, name="switch_chat"),
    path(f"{CHATS}<uuid:hook_id>/again/", chats.again, name="chat_again"),
    path(f"{CHATS}<uuid:hook_id>/remove/", chats.remove, name="remove_chat"),
    path(f"{SETTINGS}tokens/", tokens.tokens, name="tokens"),
    path(f"{SETTINGS}tokens/<slug:digest>/revoke/", tokens.revoke, name="revoke_token"),
    path(f"{SETTINGS}templates/", recipes.templates, name="templates"),
    path(f"{SETTINGS}templates/publish/", recipes.publish, name="publish_template"),
    path(QUEUE, queue.queue, name="queue"),
    path(f"{QUEUE}cancel-mine/", queue.cancel_mine, name="cancel_mine"),
    path(f"{QUEUE}<uuid:take_id>/cancel/", queue.cancel, name="queue_cancel"),
    path(f"{QUEUE}<uuid:take_id>/next/", queue.run_next, name="queue_next"),
    path(f"{QUEUE}<uuid:take_id>/order/", queue.reorder, name="queue_order"),
    path(f"{QUEUE}unknown/", unknown.page, name="unknown"),
    path(f"{QUEUE}unknown/<uuid:verdict_id>/back/", unknown.take_back, name="take_back_verdict"),
    path(f"{QUEUE}calls/<uuid:call_id>/", unknown.say, name="say_verdict"),
    path(f"{WORKSPACE}batches/", batches.batches, name="batches"),
    path(f"{WORKSPACE}batches/new/", batches.new, name="new_batch"),
    path(f"{WORKSPACE}batches/price/", batches.price, name="price_batch"),
    path(BATCH, batches.batch, name="batch"),
    path(f"{BATCH}pause/", batches.pause, name="pause_batch"),
    path(f"{BATCH}go-on/", batches.go_on, name="go_on_batch"),
    path(f"{BATCH}cancel/", batches.cancel, name="cancel_batch"),
    path(f"{WORKSPACE}activity/", activity.activity, name="activity"),
    path(f"{WORKSPACE}search/", search.search, name="search"),
    path(f"{WORKSPACE}notices/", notices.notices, name="notices"),
    path(f"{WORKSPACE}notices/read/", notices.read_all, name="read_notices"),
    path(f"{WORKSPACE}notices/<uuid:notice_id>/", notices.open_notice, name="open_notice"),
    path(f"{DELIVERABLE}edit/", deliverables.edit, name="edit_deliverable"),
    path("mailbox/", mailbox.mailbox, name="mailbox"),
    path("mailbox/<str:name>/", mailbox.mail, name="mail"),
]
