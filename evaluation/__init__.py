"""How well declaration pages are read: pages made by generators of our own, and what is found on them."""
