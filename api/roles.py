"""The roles in which processes come to PostgreSQL. Each may be a login itself; whoever migrates owns the tables, and is
called what you like (docs/row-level-security.md)."""

API = "agency_api"
"""gunicorn's. Owns nothing, and sees of a tenant's tables what is its principal's: without one, nothing."""
ADMIN = "agency_admin"
"""What serves no tenant: the admin, `/oauth/`, links to files, probes, and finding whose public page is asked for.
Every row; to the audit trail it adds, and changes nothing there. The API's login takes it on."""
WORKER = "agency_worker"
"""Celery's. Every row but those of administrators' logins."""
