"""How gunicorn serves every contender, whatever the project's own gunicorn.conf.py says."""

workers = 1
worker_class = "gthread"
threads = 4
keepalive = 30
loglevel = "error"
