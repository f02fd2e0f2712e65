"""What has to be true after a fault test, whatever was done to the service."""

from __future__ import annotations

from collections.abc import Collection

from domain.postgres.pool import Pool
from domain.read.engine import SESSION
from domain.write.postgres_store import PostgresEventStore
from tests.e2e.comparison import assert_read_models_are_the_fold, checkpoints
from tests.e2e.fleet import wait_for
from tests.faults import record
from tests.faults.clients import Answered


def assert_nothing_is_lost_or_doubled(
    database_url: str, answers: Collection[Answered], clients: int, seconds: float = 60
) -> None:
    """Wait until the read models have caught up. Then each acknowledged command is in the log, once, where its answer
    said; every projection has applied every event once, in order; and the rows are what a plain fold gives."""
    read, write = Pool(database_url, settings=SESSION), Pool(database_url)
    store = PostgresEventStore(write)
    try:
        heads = store.heads()
        wait_for(lambda: all(each == heads for each in checkpoints(read).values()), seconds, "the read models")
        logs = {shard: store.read(shard, 0, head) for shard, head in heads.items()}
    finally:
        read.close()
        write.close()
    for id, version, position in answers:
        event = logs[position.shard][position.offset - 1]
        assert (event.aggregate_id, event.version, event.position) == (id, version, position.offset)
    # A command that was carried out twice would be two events, one of which nobody acknowledged. Only the last command
    # of each client, which it gave up, may be like that; nor were the tenants made by the clients.
    acknowledged = {(answer.id, answer.version) for answer in answers}
    changed = [event for log in logs.values() for event in log if event.aggregate_type != "tenant"]
    assert len(acknowledged) == len(answers)
    assert len(acknowledged) <= len(changed) <= len(acknowledged) + clients
    record.assert_each_event_was_applied_once_and_in_order(database_url)
    assert_read_models_are_the_fold(database_url, empty=("workspace_projections", "workspace_member_projections"))
