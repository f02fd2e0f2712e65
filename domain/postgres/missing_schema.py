"""What PostgreSQL says where the migrations of this release have not run, and what there is to do about it."""

import psycopg2.errors

#: A function or a column may be missing alone, where the migrations of an older release have run.
ERRORS = (
    psycopg2.errors.UndefinedTable,
    psycopg2.errors.InvalidSchemaName,
    psycopg2.errors.UndefinedFunction,
    psycopg2.errors.UndefinedColumn,
)

WORDS = "the schema is not there, or older than this release"

REMEDY = "Run: python -m migrations upgrade"
