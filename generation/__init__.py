"""How it is made: templates, controls, pipelines, takes in flight, provider adapters, media, drift, pages.

Promises: generation acts and never decides; what is in flight is in the database, the queue only rings the
bell; nothing is sent to a provider before its hold is committed, and nothing twice without saying so.
Words: pipeline, step, run, call, lane (submit, poll, collect, notify, hold, render), lease, recipe, recall.
Imports the three rooms below. The pages that show all rooms live here.
"""
