"""The web application for any WSGI server; `manage.py web` runs it."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "circletake.settings")
application = get_wsgi_application()
