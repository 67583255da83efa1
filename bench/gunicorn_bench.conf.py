"""Nothing: so that no contender runs with settings of the project's own gunicorn.conf.py."""
