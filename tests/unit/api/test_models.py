"""What stands behind the names of the endpoint table."""

import httpx

from pmpo.contracts.jobs import ModelView
from pmpo.errors import ScorerUnavailableError
from pmpo.remote.answers import ServedModel
from pmpo.runtime.endpoints import Endpoint
from pmpo.testing.ports import IDENTITY
from services.api.models.service import ModelService


class Scorer:
    def __init__(self, row: Endpoint) -> None:
        self.row = row

    async def ask_model(self) -> ServedModel:
        if "gone" in self.row.url:
            raise ScorerUnavailableError("the scorer at http://gone:8100 does not answer")
        return ServedModel(IDENTITY, is_deterministic=False)


async def test_every_name_is_answered_in_the_tables_order() -> None:
    rows = [Endpoint(name="small", url="http://a:8100"), Endpoint(name="big", url="http://gone:8100")]
    found = (await ModelService({row.name: row for row in rows}, Scorer).served()).models
    assert [(model.name, model.served is None) for model in found] == [("small", False), ("big", True)]
    assert found[0].served == ModelView(
        model=IDENTITY.model, revision=IDENTITY.revision, dtype=IDENTITY.dtype, engine=IDENTITY.engine
    )
    assert found[1].problem == "the scorer at http://gone:8100 does not answer"


async def test_the_route_tells_what_is_served(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/models")
    assert answer.status_code == 200
    assert answer.json()["models"] == [
        {
            "name": "default",
            "served": {
                "model": IDENTITY.model,
                "revision": IDENTITY.revision,
                "dtype": IDENTITY.dtype,
                "engine": IDENTITY.engine,
            },
            "problem": None,
        }
    ]
