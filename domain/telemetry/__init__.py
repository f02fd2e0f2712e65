"""What all processes count and say of themselves, and the last hour of it."""
