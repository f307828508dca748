"""The Django project package: settings, root addresses, the server entry and nothing else.

`settings.py` is the one settings file and is driven by the environment alone. `urls.py` includes the
rooms' addresses, `health.py` answers operators. `postgres.py` runs the embedded database,
`supervisor.py` runs everything on one machine, `queue.py` and `workers.py` keep django-q2 honest.
May be imported by nobody except through Django's own settings; imports no room.
"""
