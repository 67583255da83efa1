"""The public page of an agent, `/{slug}` (contract §9): for consumers, who have no account and no token."""
