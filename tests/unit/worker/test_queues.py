from rq import Queue
from rq.job import Job
from rq.serializers import JSONSerializer

from services.queues import FAILURE_TTL_S, NO_TIMEOUT, RESULT_TTL_S, JobQueues
from services.store.connection import connect_blocking


async def test_an_entry_says_all_that_rq_would_guess_wrong(queues: JobQueues, redis_url: str) -> None:
    entry_id = await queues.put("j1", "overnight")
    client = connect_blocking(redis_url)
    entry = Job.fetch(entry_id, connection=client, serializer=JSONSerializer)
    assert (entry.func_name, list(entry.args)) == ("services.worker.tasks.run_job", ["j1"])
    assert (entry.timeout, entry.result_ttl, entry.failure_ttl) == (NO_TIMEOUT, RESULT_TTL_S, FAILURE_TTL_S)
    assert entry.retries_left is None
    assert Queue("overnight", connection=client, serializer=JSONSerializer).get_job_ids() == [entry_id]
    client.close()


async def test_entries_of_one_job_have_ids_of_their_own(queues: JobQueues) -> None:
    entries = {await queues.put("j1", "interactive") for _ in range(3)}
    assert await queues.waiting() == entries
    assert len(entries) == 3


async def test_an_entry_that_nobody_knows_is_gone(queues: JobQueues) -> None:
    assert await queues.is_gone("j1-unknown")
