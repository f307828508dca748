"""What is wanted: people, workspaces, campaigns, deliverables, takes, assets, reviews, hero requests, events.

Promises: every row of a workspace is reached through a membership (`visible_to`); decisions and events
are never changed once written; what a take was asked for can be told to the byte.
Words: project → campaign → deliverable → take; round; category; phase; review; hero request; cap request.
Imports no other room. The rows that all rooms refer to live here.
"""
