"""Every key and every time to live, in one file.

    pmpo:jobs                  sorted set   ids of the jobs of project ``default``, by the time they were created
    pmpo:project:<p>:jobs      sorted set   the same of another project
    pmpo:project:<p>:api_keys  set          ids of a project's API keys
    pmpo:api_keys              set          ids of all API keys
    pmpo:api_key:<id>          hash         one API key: whose it is, what it may do, the SHA-256 of its secret
    pmpo:jobs:active           set          ids of the jobs that are not in a final state: what the janitor looks at
    pmpo:jobs:ended            sorted set   ids of the jobs in a final state, by the time of their end
    pmpo:jobs:ended:journal    sorted set   those of them that still have their journal, and
    pmpo:jobs:ended:events     sorted set   those that still have their events, by the same time
    pmpo:webhooks              sorted set   ids of the jobs whose webhook is to be called, by the time of the next try
    pmpo:job:<id>              hash         one job: its fields, spec, splits and, in the end, result
    pmpo:job:<id>:journal      hash         call number -> answer
    pmpo:job:<id>:events       list         event number n at index n - 1
    pmpo:job:<id>:lease        string       "<fencing token>:<holder>", expires
    pmpo:job:<id>:fence        counter      the last fencing token given out
    pmpo:janitor               string       the janitor whose turn it is, expires
    pmpo:requests:<w>:<who>    counter      requests that a key or project sent in minute w, expires
    pmpo:schedule:<id>         hash         one schedule: its times, what became of them, and the job that it makes
    pmpo:schedules:due         sorted set   ids of the schedules that are not paused, by when they are looked at next
    pmpo:schedules:windowed    set          ids of those with a window whose last job is not over
    pmpo:idempotency:<digest>  string       digest of a creating request's body, then its answer, expires
    pmpo:scores:<group>        hash         scores that any job may use again, by the name of their item
    pmpo:scores                sorted set   those groups, by the time of their last use
    pmpo:scores/bytes          counter      what they take, about
    pmpo:scores/counts         hash         items that were found there, and that were not
    pmpo:upload:<token>        list         chunks of a data set that is on its way, expires

What belongs to a project:

    pmpo:project:<project>:schedules              sorted set   ids of its schedules, by the time they were created
    pmpo:project:<project>:datasets               sorted set   ids of its data sets, by a number that rises
    pmpo:project:<project>:datasets:last          counter      that number
    pmpo:project:<project>:dataset:<id>           hash         one data set: what is told of it
    pmpo:project:<project>:dataset:<id>:chunks    list         its rows, packed
    pmpo:project:<project>:dataset:<id>:users     hash         what needs it ("job:<id>", "schedule:<id>") -> since when
    pmpo:project:<project>:prompts                sorted set   names of its prompts
    pmpo:project:<project>:prompt:<name>:versions list         version n at index n - 1, with its parent
    pmpo:project:<project>:prompt:<name>:labels   hash         label -> version
    pmpo:project:<project>:prompt:<name>:stacks   hash         label -> the versions that it stood at, in order
    pmpo:project:<project>:prompt:<name>:moves    list         every move of a label
    pmpo:project:<project>:prompt:<name>:origins  hash         "job:<id>", "text:<digest>" -> version

Jobs are kept until they are deleted, or until ``PMPO_RETENTION_DAYS`` after their end. What expires are leases:
``PMPO_LEASE_S`` for a job, one sweep's interval for the janitor's turn. Scores are dropped when they take more than
``PMPO_SCORE_CACHE_BYTES``, the groups longest unused first. Answers to requests with an ``Idempotency-Key`` are
remembered for 24 hours. An upload that broke off expires an hour after its last chunk.
"""

from __future__ import annotations

from pmpo.contracts.keys import DEFAULT_PROJECT

API_KEYS = "pmpo:api_keys"
ACTIVE_JOBS = "pmpo:jobs:active"
SCORE_GROUPS = "pmpo:scores"
SCORE_BYTES = "pmpo:scores/bytes"
SCORE_COUNTS = "pmpo:scores/counts"
JANITOR_TURN = "pmpo:janitor"
ENDED_JOBS = "pmpo:jobs:ended"
ENDED_WITH_JOURNAL = "pmpo:jobs:ended:journal"
ENDED_WITH_EVENTS = "pmpo:jobs:ended:events"
WEBHOOKS = "pmpo:webhooks"
DUE_SCHEDULES = "pmpo:schedules:due"
WINDOWED_SCHEDULES = "pmpo:schedules:windowed"
JOB_PREFIX = "pmpo:job:"
SWEEPS_PER_LEASE = 3
IDEMPOTENCY_TTL_S = 24 * 3600
RENEWALS_PER_LEASE = 3
UPLOAD_TTL_S = 3600


def jobs(project: str) -> str:
    """The jobs of a project. Those of ``default`` have the name that all had before there were projects."""
    return "pmpo:jobs" if project == DEFAULT_PROJECT else f"pmpo:project:{project}:jobs"


def api_keys(project: str) -> str:
    """The API keys of a project."""
    return f"pmpo:project:{project}:api_keys"


def api_key(key_id: str) -> str:
    """One API key."""
    return f"pmpo:api_key:{key_id}"


def job(job_id: str) -> str:
    """The hash of one job."""
    return f"pmpo:job:{job_id}"


def journal(job_id: str) -> str:
    """The answers of a job's ports, by call number."""
    return f"pmpo:job:{job_id}:journal"


def events(job_id: str) -> str:
    """The events of a job, in order."""
    return f"pmpo:job:{job_id}:events"


def lease(job_id: str) -> str:
    """Who works on a job now."""
    return f"pmpo:job:{job_id}:lease"


def fence(job_id: str) -> str:
    """The counter that fencing tokens come from."""
    return f"pmpo:job:{job_id}:fence"


def schedule(schedule_id: str) -> str:
    """The hash of one schedule."""
    return f"pmpo:schedule:{schedule_id}"


def schedules(project: str) -> str:
    """The schedules of a project."""
    return f"pmpo:project:{project}:schedules"


def idempotency(digest: str) -> str:
    """The answer to a creating request, by a digest of its route and key."""
    return f"pmpo:idempotency:{digest}"


def requests(caller: str, window: int) -> str:
    """How many requests a caller sent in a minute."""
    return f"pmpo:requests:{window}:{caller}"


def scores(group: str) -> str:
    """The scores of one group."""
    return f"pmpo:scores:{group}"


def upload(token: str) -> str:
    """The chunks of an upload that is under way."""
    return f"pmpo:upload:{token}"


def datasets(project: str) -> str:
    """The ids of a project's data sets, in the order in which they came."""
    return f"pmpo:project:{project}:datasets"


def last_dataset(project: str) -> str:
    """The counter that orders a project's data sets."""
    return f"pmpo:project:{project}:datasets:last"


def dataset(project: str, dataset_id: str) -> str:
    """The hash of one data set."""
    return f"pmpo:project:{project}:dataset:{dataset_id}"


def dataset_chunks(project: str, dataset_id: str) -> str:
    """The rows of one data set."""
    return f"pmpo:project:{project}:dataset:{dataset_id}:chunks"


def dataset_users(project: str, dataset_id: str) -> str:
    """What needs a data set."""
    return f"pmpo:project:{project}:dataset:{dataset_id}:users"


def prompts(project: str) -> str:
    """The names of a project's prompts."""
    return f"pmpo:project:{project}:prompts"


def prompt(project: str, name: str, part: str) -> str:
    """A part of one prompt: ``versions``, ``labels``, ``stacks``, ``moves`` or ``origins``."""
    return f"pmpo:project:{project}:prompt:{name}:{part}"


def lease_ttl_ms(lease_s: float) -> int:
    """How long a job's lease lives without a renewal."""
    return int(lease_s * 1000)


def renewal_interval_s(lease_s: float) -> float:
    """How often a holder renews its lease."""
    return lease_s / RENEWALS_PER_LEASE


def sweep_interval_s(lease_s: float) -> float:
    """How often the janitors, all together, sweep."""
    return lease_s / SWEEPS_PER_LEASE
