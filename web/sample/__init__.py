"""Sample data: five tenants with a thousand users, sent in as commands like anybody's."""
