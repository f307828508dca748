"""Who may what, address by address, written by hand from the table of roles.

Each line is `METHODS right address`. Rights are those of `projects.access.Right`; beside them `public`,
`signed_in`, `signature` (a provider's), `demo` (public, and only in a demo) and `operators`.
Addresses of sign-in under `accounts/` are allauth's own and not listed.
"""

PAGES = """
GET      operators       healthz
GET      operators       readyz
GET      operators       metrics
GET      signed_in
GET      public          invitations/<secret>/
GET      demo            mailbox/
GET      demo            mailbox/<name>/
POST     signature       hooks/<provider>/<token>/

GET      read            w/<workspace>/
GET      read            w/<workspace>/activity/
GET      read            w/<workspace>/approvals/
GET      approve         w/<workspace>/approvals/<request_id>/looking/
GET,POST approve         w/<workspace>/approvals/bulk/
POST     approve         w/<workspace>/approvals/undo/
POST     approve         w/<workspace>/approvals/caps/<request_id>/
POST     approve         w/<workspace>/approvals/heroes/<request_id>/
POST     approve         w/<workspace>/approvals/heroes/<request_id>/undo/
GET      read            w/<workspace>/batches/
GET,POST make            w/<workspace>/batches/new/
POST     make            w/<workspace>/batches/price/
GET      read            w/<workspace>/batches/<batch_id>/
POST     make            w/<workspace>/batches/<batch_id>/go-on/
POST     make            w/<workspace>/batches/<batch_id>/pause/
POST     make            w/<workspace>/batches/<batch_id>/cancel/
GET      read            w/<workspace>/budgets/
GET,POST set_budgets     w/<workspace>/budgets/new/
GET,POST set_budgets     w/<workspace>/budgets/<budget_id>/limit/
POST     set_budgets     w/<workspace>/budgets/<budget_id>/end/
GET      read            w/<workspace>/catalogue/
GET      read            w/<workspace>/catalogue/leaving/
POST     keep_models     w/<workspace>/catalogue/leaving/set/
POST     keep_models     w/<workspace>/catalogue/leaving/<ending_id>/undo/
GET      read            w/<workspace>/deliverables/<deliverable_id>/
POST     make            w/<workspace>/deliverables/<deliverable_id>/ask-for-more/
POST     approve         w/<workspace>/deliverables/<deliverable_id>/drop/
GET,POST make            w/<workspace>/deliverables/<deliverable_id>/edit/
GET      read            w/<workspace>/deliverables/<deliverable_id>/files/
POST     make            w/<workspace>/deliverables/<deliverable_id>/make/
GET      read            w/<workspace>/deliverables/<deliverable_id>/quote/
POST     approve         w/<workspace>/deliverables/<deliverable_id>/reopen/
POST     make            w/<workspace>/deliverables/<deliverable_id>/upload/
GET      read            w/<workspace>/exports/<job_id>/
GET      read            w/<workspace>/exports/<job_id>/file/
GET,POST keep_books      w/<workspace>/history/
GET      read            w/<workspace>/health/
GET      read            w/<workspace>/health/calls/
GET      read            w/<workspace>/health/charts/<name>/<digest>.svg
GET      read            w/<workspace>/health/tables/<table>.csv
GET      read            w/<workspace>/media/<asset_id>/
GET      read            w/<workspace>/media/<asset_id>/<kind>/
GET      read            w/<workspace>/month/
GET      read            w/<workspace>/month/<month>/
GET      read            w/<workspace>/month/<month>/charts/<digest>.svg
GET      read            w/<workspace>/month/<month>/deliverables/
GET      read            w/<workspace>/month/<month>/deliverables/<deliverable_id>/
GET      read            w/<workspace>/month/<month>/entries/
GET      read            w/<workspace>/month/<month>/exports/<form>/
GET      read            w/<workspace>/month/<month>/tables/<table>.csv
GET      read            w/<workspace>/notices/
POST     read            w/<workspace>/notices/read/
POST     read            w/<workspace>/notices/<notice_id>/
GET      read            w/<workspace>/people/
POST     administer      w/<workspace>/people/invite/
POST     administer      w/<workspace>/people/invitations/<invitation_id>/withdraw/
POST     keep_books      w/<workspace>/people/rates/
POST     administer      w/<workspace>/people/<membership_id>/end/
POST     administer      w/<workspace>/people/<membership_id>/roles/
GET      read            w/<workspace>/prices/
GET,POST keep_books      w/<workspace>/prices/new/
GET      read            w/<workspace>/projects/
GET,POST make            w/<workspace>/projects/new/
GET,POST make            w/<workspace>/projects/<project>/campaigns/new/
GET      read            w/<workspace>/projects/<project>/<campaign>/
GET,POST make            w/<workspace>/projects/<project>/<campaign>/deliverables/new/
GET,POST make            w/<workspace>/projects/<project>/<campaign>/identity/
GET,POST make            w/<workspace>/projects/<project>/<campaign>/import/
POST     make            w/<workspace>/projects/<project>/<campaign>/references/
POST     make            w/<workspace>/projects/<project>/<campaign>/references/<anchor>/remove/
GET      read            w/<workspace>/queue/
POST     approve         w/<workspace>/queue/calls/<call_id>/
POST     make            w/<workspace>/queue/cancel-mine/
POST     make            w/<workspace>/queue/<take_id>/cancel/
POST     make            w/<workspace>/queue/<take_id>/next/
POST     make            w/<workspace>/queue/<take_id>/order/
GET      read            w/<workspace>/queue/unknown/
POST     approve         w/<workspace>/queue/unknown/<verdict_id>/back/
GET,POST keep_books      w/<workspace>/rates/new/
GET      read            w/<workspace>/routing/
GET      read            w/<workspace>/routing/dry-run/
GET,POST propose_tables  w/<workspace>/routing/propose/
GET      read            w/<workspace>/routing/<number>/
POST     publish_tables  w/<workspace>/routing/<number>/publish/
POST     propose_tables  w/<workspace>/routing/<number>/withdraw/
GET      read            w/<workspace>/search/
GET      read            w/<workspace>/settings/
GET      read            w/<workspace>/settings/categories/
POST     administer      w/<workspace>/settings/categories/add/
POST     set_budgets     w/<workspace>/settings/categories/target/
POST     administer      w/<workspace>/settings/formats/add/
GET      read            w/<workspace>/settings/notices/
GET      read            w/<workspace>/settings/providers/
POST     administer      w/<workspace>/settings/providers/add/
POST     administer      w/<workspace>/settings/providers/<account_id>/key/
POST     administer      w/<workspace>/settings/providers/<account_id>/limits/
POST     administer      w/<workspace>/settings/providers/<account_id>/switch/
POST     administer      w/<workspace>/settings/providers/<account_id>/test/
POST     administer      w/<workspace>/settings/providers/<account_id>/webhook-secret/
POST     administer      w/<workspace>/settings/save/
GET      read            w/<workspace>/settings/templates/
POST     make            w/<workspace>/settings/templates/publish/
GET      read            w/<workspace>/settings/tokens/
POST     read            w/<workspace>/settings/tokens/<digest>/revoke/
GET      read            w/<workspace>/settings/you/
POST     make            w/<workspace>/takes/<take_id>/cancel/
POST     make            w/<workspace>/takes/<take_id>/hero/
POST     make            w/<workspace>/takes/<take_id>/next/
POST     make            w/<workspace>/takes/<take_id>/notes/
POST     make            w/<workspace>/takes/<take_id>/retry/
POST     read            w/<workspace>/takes/<take_id>/review/
POST     make            w/<workspace>/takes/<take_id>/star/
"""

API = """
GET      public          api/
GET      public          api/<path>
GET      public          api/v1/schema/
GET      read            api/v1/me/
GET      read            api/v1/projects/
POST     make            api/v1/projects/
GET      read            api/v1/projects/<project>/
GET      read            api/v1/campaigns/
POST     make            api/v1/campaigns/
GET      read            api/v1/campaigns/<campaign>/
GET      read            api/v1/campaigns/<campaign>/references/
POST     make            api/v1/campaigns/<campaign>/references/
GET      read            api/v1/categories/
GET      read            api/v1/formats/
GET      read            api/v1/catalogue/
GET      read            api/v1/runs/
GET      read            api/v1/events/
GET      read            api/v1/budgets/
POST     set_budgets     api/v1/budgets/
GET      read            api/v1/budgets/<budget>/
PATCH    set_budgets     api/v1/budgets/<budget>/
GET      read            api/v1/prompt-templates/
POST     make            api/v1/prompt-templates/
GET      read            api/v1/pipelines/
POST     publish_tables  api/v1/pipelines/
GET      read            api/v1/deliverables/
POST     make            api/v1/deliverables/
POST     make            api/v1/deliverables/import/
GET      read            api/v1/deliverables/<deliverable>/
POST     approve         api/v1/deliverables/<deliverable>/write-off/
POST     approve         api/v1/deliverables/<deliverable>/reopen/
GET      read            api/v1/deliverables/<deliverable>/takes/
POST     make            api/v1/deliverables/<deliverable>/takes/
POST     make            api/v1/deliverables/<deliverable>/takes/upload/
POST     make            api/v1/deliverables/<deliverable>/cap-requests/
POST     read            api/v1/quotes/
POST     make            api/v1/batches/
POST     read            api/v1/batches/quote/
GET      read            api/v1/batches/<batch>/
GET      read            api/v1/batches/<batch>/cells/
POST     make            api/v1/batches/<batch>/pause/
POST     make            api/v1/batches/<batch>/resume/
POST     make            api/v1/batches/<batch>/cancel/
GET      read            api/v1/takes/<take>/
POST     make            api/v1/takes/<take>/cancel/
POST     read            api/v1/takes/<take>/recall/
POST     make            api/v1/takes/<take>/reviews/
POST     make            api/v1/takes/<take>/hero-requests/
GET      read            api/v1/assets/<asset>/
GET      read            api/v1/hero-requests/
GET      read            api/v1/hero-requests/<hero_request>/
POST     approve         api/v1/hero-requests/<hero_request>/decisions/
POST     approve         api/v1/hero-requests/<hero_request>/undo/
GET      read            api/v1/cap-requests/
GET      read            api/v1/cap-requests/<cap_request>/
POST     approve         api/v1/cap-requests/<cap_request>/decisions/
POST     read            api/v1/routing/resolve/
GET      read            api/v1/routing/tables/
POST     propose_tables  api/v1/routing/tables/
GET      read            api/v1/routing/tables/<version>/
POST     publish_tables  api/v1/routing/tables/<version>/publish/
GET      read            api/v1/ledger/
POST     keep_books      api/v1/history/
GET      read            api/v1/history/<job>/
GET      read            api/v1/audits/<month>/
GET      read            api/v1/audits/<month>/export/
"""


def lines(table: str) -> list[tuple[list[str], str, str]]:
    """Methods, right and address of each line."""
    found = []
    for line in table.strip().splitlines():
        if line.strip():
            methods, right, *address = line.split()
            found.append((methods.split(","), right, address[0] if address else ""))
    return found
