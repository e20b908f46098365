"""``/metrics`` of the API: requests by route, and the jobs that wait."""

from __future__ import annotations

from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families

from .conftest import Clients


async def measured(client: httpx.AsyncClient) -> dict[tuple[str, ...], float]:
    """Every sample by its name and the values of its labels."""
    answer = await client.get("/metrics")
    assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (200, "text/plain")
    families = text_string_to_metric_families(answer.text)
    return {(each.name, *each.labels.values()): each.value for family in families for each in family.samples}


async def test_requests_are_counted_by_route_and_status(client: httpx.AsyncClient, job: dict[str, Any]) -> None:
    created = await client.post("/v1/jobs", json=job)
    for job_id in (created.json()["id"], "nobody", "nobody-else"):
        await client.get(f"/v1/jobs/{job_id}")
    await client.get("/no/such/path/42")
    await client.request("BREW", "/v1/jobs")
    found = await measured(client)
    requests = {key[1:]: value for key, value in found.items() if key[0] == "pmpo_api_requests_total"}
    assert requests[("POST /v1/jobs", "201")] == 1
    assert requests[("GET /v1/jobs/{job_id}", "200")] == 1
    assert requests[("GET /v1/jobs/{job_id}", "404")] == 2
    assert requests[("other", "404")] == 1
    assert not any("BREW" in route or "nobody" in route for route, _ in requests)
    assert found[("pmpo_api_request_seconds_count", "GET /v1/jobs/{job_id}")] == 3


async def test_jobs_that_wait_are_counted(client: httpx.AsyncClient, job: dict[str, Any]) -> None:
    assert (await measured(client))[("pmpo_api_jobs_waiting",)] == 0
    await client.post("/v1/jobs", json=job)
    found = await measured(client)
    assert (found[("pmpo_api_jobs_waiting",)], found[("pmpo_api_redis_up",)]) == (1, 1)


async def test_it_is_for_admins(as_caller: Clients) -> None:
    assert (await (await as_caller("web")).get("/metrics")).status_code == 200
    viewer = await as_caller("web", "read")
    assert (await viewer.get("/metrics")).status_code == 403
