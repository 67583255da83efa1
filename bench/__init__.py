"""What is fast, and how fast: `make bench`. Ratios measured in one run; never a timed test."""
