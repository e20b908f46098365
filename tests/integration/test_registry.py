"""A stored data set through a whole job to a version of the registry that an application fetches."""

import json
from typing import Any

import httpx

from tests.integration.conftest import Jobs, repeatable


def test_a_job_over_a_stored_data_set_ends_as_a_version(
    api: httpx.Client, jobs: Jobs, small_job: dict[str, Any], undisturbed: Any
) -> None:
    rows = small_job["dataset"]["train"]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    stored = api.post("/v1/datasets", content=lines, params={"name": "cities"}).json()
    registry = {"name": "stored-cities", "label": "beta"}
    job_id = jobs.submit({**small_job, "dataset": {"train": stored["id"]}, "registry": registry})
    refused = api.delete(f"/v1/datasets/{stored['id']}")
    view = jobs.finish(job_id)
    assert view["state"] == "succeeded", view
    assert repeatable(jobs.result(job_id)) == repeatable(undisturbed.result), "the same rows, wherever they come from"
    assert view["datasets"] == {"train": stored["id"]}
    assert refused.status_code == 409
    assert api.delete(f"/v1/datasets/{stored['id']}").status_code == 204

    assert view["registered"] == {"name": "stored-cities", "version": 1, "kept_labels": {}}
    version = api.get("/v1/prompts/stored-cities").json()
    assert version["prompt"] == undisturbed.result["prompt_after"] != undisturbed.result["prompt_before"]
    lineage = version["lineage"]
    assert (lineage["job_id"], lineage["datasets"]) == (job_id, {"train": stored["id"]})
    assert lineage["test"] == undisturbed.result["test"]
    is_confirmed = undisturbed.result["verdict"] == "confirmed"
    assert version["labels"] == (["beta", "confirmed"] if is_confirmed else [])
    assert api.get("/v1/prompts/stored-cities", params={"label": "production"}).status_code == 404

    api.post("/v1/prompts/stored-cities/promote", json={"version": 1, "expected": None}).raise_for_status()
    path = "/v1/prompts/stored-cities?label=production"
    text = api.get(path, headers={"accept": "text/plain"})
    assert text.text == version["prompt"]
    known = {"accept": "text/plain", "if-none-match": text.headers["etag"]}
    assert api.get(path, headers=known).status_code == 304
