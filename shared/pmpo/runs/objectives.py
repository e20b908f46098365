"""A job's objective: which of its keys go together, the loss that it means, and the unit of that loss."""

from __future__ import annotations

from typing import cast

from pmpo.contracts.jobs import JobSpec
from pmpo.contracts.objectives import FieldNames, ObjectiveKind, ObjectiveSpec, ObjectiveView
from pmpo.errors import InvalidInputError
from pmpo.optim.losses import Objective, Supervised
from pmpo.optim.preference import MultipleChoice, OptionsForm, Preference, PreferenceForm

FORMS: dict[ObjectiveKind, tuple[str, ...]] = {
    "supervised": (),
    "preference": ("auto", "dpo", "mean_margin", "lmpo"),
    "options": ("pairs", "cross_entropy"),
}
UNITS = {
    "token_mean": "nats per token",
    "token_sum": "nats per answer",
    "byte_mean": "nats per byte",
    "cross_entropy": "nats per question",
}
_KEYS_OF_FORMS: dict[str, tuple[str, ...]] = {
    "beta": ("auto", "dpo", "mean_margin", "lmpo", "pairs"),
    "gamma": ("auto", "mean_margin"),
    "gamma_ratio": ("lmpo",),
}
_FIELDS_OF: dict[ObjectiveKind, frozenset[str]] = {
    "supervised": frozenset({"target"}),
    "preference": frozenset({"chosen", "rejected", "margin"}),
    "options": frozenset({"options", "answer"}),
}


def check_objective(job: JobSpec) -> None:
    """Refuse keys that do not go with the objective.

    Raises:
        InvalidInputError: a key of ``objective`` or of ``fields`` that belongs to another kind or form, or a metric for
            pairs.
    """
    _check_keys(job.objective)
    _check_fields(job.fields, job.objective.kind)
    if job.objective.kind == "preference" and job.metric is not None:
        raise InvalidInputError(
            f"metric is {job.metric!r} and objective.kind is 'preference': pairs hold no answer that a generated text "
            "could be compared with; remove the metric (the share of pairs won is reported anyway)"
        )


def objective_of(spec: ObjectiveSpec) -> Objective:
    """The loss that a job minimises."""
    beta = 1.0 if spec.beta is None else spec.beta
    if spec.kind == "preference":
        return Preference(
            form=cast(PreferenceForm, form_of(spec)),
            beta=beta,
            gamma=0.0 if spec.gamma is None else spec.gamma,
            gamma_ratio=0.5 if spec.gamma_ratio is None else spec.gamma_ratio,
        )
    if spec.kind == "options":
        return MultipleChoice(cast(OptionsForm, form_of(spec)), beta)
    return Supervised(spec.normalize or "token_mean")


def objective_view(spec: ObjectiveSpec) -> ObjectiveView:
    """What a result says of its losses."""
    form = form_of(spec)
    return ObjectiveView(kind=spec.kind, form=form, unit=UNITS.get(form, "nats per pair"))


def form_of(spec: ObjectiveSpec) -> str:
    """The form that is meant: the one given, or the kind's default."""
    if spec.kind == "supervised":
        return spec.normalize or "token_mean"
    return spec.form or FORMS[spec.kind][0]


def _check_keys(spec: ObjectiveSpec) -> None:
    if spec.normalize is not None and spec.kind != "supervised":
        raise InvalidInputError(
            f"objective.normalize belongs to kind 'supervised' and this job's is {spec.kind!r}; remove it"
        )
    if spec.form is not None and spec.form not in FORMS[spec.kind]:
        known = ", ".join(FORMS[spec.kind])
        remedy = f"give one of {known}" if known else "remove it, or give objective.normalize"
        raise InvalidInputError(f"objective.form {spec.form!r} is none of kind {spec.kind!r}; {remedy}")
    for key, forms in _KEYS_OF_FORMS.items():
        if getattr(spec, key) is not None and form_of(spec) not in forms:
            raise InvalidInputError(
                f"objective.{key} means nothing to the form {form_of(spec)!r}; remove it, or choose one of the forms "
                f"{', '.join(forms)}"
            )


def _check_fields(fields: FieldNames, kind: ObjectiveKind) -> None:
    """A name that somebody chose for a key of another kind would never be looked at."""
    for owner, names in _FIELDS_OF.items():
        for name in sorted(names):
            if owner != kind and getattr(fields, name) != FieldNames.model_fields[name].default:
                raise InvalidInputError(
                    f"fields.{name} belongs to objective.kind {owner!r} and this job's is {kind!r}; "
                    "remove it, or set the kind"
                )
