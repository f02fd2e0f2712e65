"""What both schemas need of PostgreSQL: connections, and SQL kept in named files."""
