"""The demo workspace: an invented studio with a year of plausible work, the same for the same day.

It promises: deterministic rows (the date, the size and nothing else decide them), books that balance in
every month, yields as in the field, and something that waits for each person of the cast. Its words are
cast (the people), market (models, prices, rates), story (one deliverable's life), chunk (stories that
are written together). History is written in bulk; what is recent goes through the product's own
functions and has real media.
"""
