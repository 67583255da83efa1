"""Who acts. Every read starts from one of these (`Model.objects.visible_to(principal)`), every write names one."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Partner:
    """A partner platform, by an OAuth access token."""

    client_pk: int
    client_id: str
    token_pk: int
    rate_limit: int | None = None
    """Requests a minute that this client was given instead of the default."""

    @property
    def tenant(self) -> int:
        """Whose lists it reads."""
        return self.client_pk

    @property
    def label(self) -> str:
        return f"partner:{self.client_id}"

    @property
    def counter(self) -> str:
        """What the rate limit counts: each token by itself."""
        return f"oat:{self.token_pk}"


@dataclass(frozen=True, slots=True)
class AgentPrincipal:
    """An agent, by a personal access token."""

    agent_id: int
    agency_id: int
    is_admin: bool
    token_pk: int
    rate_limit: int | None = None

    @property
    def tenant(self) -> int:
        return self.agency_id

    @property
    def label(self) -> str:
        return f"agent:{self.agent_id}"

    @property
    def counter(self) -> str:
        return f"pat:{self.token_pk}"


@dataclass(frozen=True, slots=True)
class Administrator:
    """A person in the Django admin, or at the command line (`user_id` None)."""

    user_id: int | None

    @property
    def label(self) -> str:
        return "command-line" if self.user_id is None else f"administrator:{self.user_id}"


@dataclass(frozen=True, slots=True)
class Consumer:
    """Somebody at an agent's public page, known by nothing but what they send."""

    @property
    def label(self) -> str:
        return "consumer"


@dataclass(frozen=True, slots=True)
class System:
    """Nobody: what the service does by itself, by a rule."""

    @property
    def label(self) -> str:
        return "system"


ApiPrincipal = Partner | AgentPrincipal
Principal = Partner | AgentPrincipal | Administrator | Consumer | System
