"""What a WSGI server serves: `gunicorn config.wsgi`."""

from django.core.wsgi import get_wsgi_application

from config import startup

startup.prepare()
application = get_wsgi_application()
