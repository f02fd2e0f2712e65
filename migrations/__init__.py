"""The migrations of write_schema and read_schema, each with its own history, so that the two may be two servers."""
