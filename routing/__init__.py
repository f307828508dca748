"""Who makes it: catalogue, tiers, routing tables, switching criteria, health, scorecards, what-if.

Promises: routing decides and never acts; `decide()` is pure and gives its reasons; a published table is
never changed; a model without a price is not eligible.
Words: model key (`provider/endpoint`), tier, route, choice, criterion, fallback, table, publish / retire.
Imports billing and projects, and nothing above.
"""
