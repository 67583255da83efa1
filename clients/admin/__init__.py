"""Clients with what they sent, and the additional questions, in the admin."""

from clients.admin import clients, questions

__all__ = ["clients", "questions"]
