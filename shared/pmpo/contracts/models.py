"""The models of a service on the wire: what stands behind each name that a job may use."""

from __future__ import annotations

from pmpo.contracts.jobs import ModelView
from pmpo.contracts.sections import Strict


class NamedModelView(Strict):
    """A name of the operator's endpoint table.

    Attributes:
        name: what jobs call it.
        served: what its scorer serves now; null where the scorer does not say.
        problem: why it does not, in a sentence.
    """

    name: str
    served: ModelView | None
    problem: str | None = None


class ModelsView(Strict):
    """``GET /v1/models``: every name, in the table's order."""

    models: list[NamedModelView]
