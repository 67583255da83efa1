from celery import shared_task

from administration.sessions import SessionStore


@shared_task
def clear_expired_sessions() -> None:
    """Removes what is left of those that nobody logged out of."""
    SessionStore.clear_expired()
