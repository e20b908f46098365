"""Job files: what is read, where data is found, and what every refusal says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from pmpo.contracts.jobs import JobSpec
from pmpo.data.metrics import grader_for
from pmpo.errors import InvalidDataError, InvalidInputError, UnknownKeyError
from pmpo.optim.preference import MultipleChoice, Preference
from pmpo.optim.rewrite import MetaPrompt
from pmpo.runs.jobfile import load_job
from pmpo.runs.jobspec import search_spec, split_job
from tests.public_data import public_data

REPOSITORY = Path(__file__).parents[3]
ROWS = [{"input": f"x{number}", "target": "y"} for number in range(20)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    _write_rows(tmp_path / "data" / "train.jsonl", ROWS)
    return tmp_path


STORED = "ds_" + "0" * 32


def _write_rows(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(map(json.dumps, rows)))


def _job(folder: Path, **changes: Any) -> Path:
    body = {"name": "n", "prompt": "Say it.", "dataset": {"train": "data/train.jsonl"}, **changes}
    path = folder / "job.yaml"
    path.write_text(yaml.safe_dump({key: value for key, value in body.items() if value is not ...}))
    return path


def _refusal(path: Path, error: type[InvalidInputError] = InvalidInputError, **more: Any) -> str:
    with pytest.raises(error) as refusal:
        load_job(path, **more)
    assert "\n" not in str(refusal.value)
    return str(refusal.value)


def test_a_job_file_becomes_a_wire_job_with_rows(folder: Path) -> None:
    job = load_job(_job(folder, task="t", optimizer={"iterations": 3}, budget={"seconds": 5}, metric=None))
    assert job == JobSpec.model_validate(
        {
            "name": "n",
            "prompt": "Say it.",
            "task": "t",
            "dataset": {"train": ROWS},
            "optimizer": {"iterations": 3},
            "budget": {"seconds": 5},
            "metric": None,
        }
    )


def test_every_key_of_the_documented_form_is_read(folder: Path) -> None:
    path = folder / "review-city.yml"
    path.write_text(
        """
        prompt: "Process the input. Always answer in JSON."
        kind: optimize
        task: "Extract the city a review mentions."
        dataset: {train: data/train.jsonl}
        fields: {input: input, target: target}
        objective: {kind: supervised, normalize: token_mean}
        optimizer: {algorithm: pmpo, iterations: 20, hard_examples: 3, variants: 4, patience: 6, selection: halving,
                    min_delta: 1e-4, top_p: 9e-1}
        models: {target: default, rewriter: default}
        constraints: {max_prompt_tokens: 600, protect: ["Always answer in JSON."], anchors: [3, 17]}
        budget: {scored_tokens: 5_000_000, generated_tokens: 200_000, seconds: 3600}
        metric: exact_match
        max_answer_tokens: 64
        queue: interactive
        seed: 0
        """
    )
    job = load_job(path)
    assert job.name == "review-city"
    assert (job.optimizer.min_delta, job.optimizer.top_p, job.budget.scored_tokens) == (1e-4, 0.9, 5_000_000)


def test_a_job_file_of_pairs_and_one_of_options(folder: Path) -> None:
    pairs = [{"q": f"x{number}", "good": "yes", "bad": "no", "gap": 1, "r": 2} for number in range(20)]
    _write_rows(folder / "data" / "train.jsonl", pairs)
    path = folder / "pairs.yml"
    path.write_text(
        """
        prompt: p
        dataset: {train: data/train.jsonl}
        fields: {input: q, chosen: good, rejected: bad, margin: gap, weight: r}
        objective: {kind: preference, form: mean_margin, beta: 2, gamma: 0.5}
        optimizer: {selection: race, hard_examples_policy: top_loss, max_units: 3, max_rewrite_tokens: 200}
        answer_prefix: "The answer is "
        """
    )
    job = load_job(path)
    splits, _, warnings = split_job(job)
    first = splits.train[0]
    assert (first.targets, first.margin, first.weight, first.answer_prefix) == (
        ("yes", "no"),
        1.0,
        2.0,
        "The answer is ",
    )
    assert (job.metric, warnings, search_spec(job).objective) == (None, [], Preference("mean_margin", 2, 0.5))
    _write_rows(folder / "data" / "train.jsonl", [{"input": "x", "options": {"A": 1, "B": 2}, "answer": "B"}] * 3)
    path.write_text("prompt: p\ndataset: {train: data/train.jsonl}\nobjective: {kind: options}\nmetric: null\n")
    assert search_spec(load_job(path)).objective == MultipleChoice("pairs")


def test_json_is_read_too(folder: Path) -> None:
    path = folder / "job.json"
    path.write_text(json.dumps({"prompt": "p", "dataset": {"train": "data/train.jsonl"}}, indent="\t"))
    assert load_job(path).prompt == "p"


def test_a_prompt_file_starts_at_the_job_file(folder: Path) -> None:
    (folder / "prompt.txt").write_text("Line one.\n\nLine two.\n")
    job = load_job(_job(folder, prompt=..., prompt_file="prompt.txt"))
    assert job.prompt == "Line one.\n\nLine two."


def test_several_seed_prompts_are_read_and_the_first_is_the_prompt(folder: Path) -> None:
    job = load_job(_job(folder, prompt=..., prompts=["One.", "Two.", "Three."]))
    assert (job.prompt, job.prompts) == ("One.", ["One.", "Two.", "Three."])
    assert JobSpec.model_validate_json(job.model_dump_json()) == job
    assert search_spec(job).seeds == ("One.", "Two.", "Three.")


def test_a_meta_prompt_file_travels_as_text(folder: Path) -> None:
    text = "[system]\nImprove.\n[user]\n{{prompt}}"
    (folder / "mine.txt").write_text(f"{text}\n")
    job = load_job(_job(folder, optimizer={"meta_prompt_file": "mine.txt", "iterations": 3}))
    assert (job.optimizer.meta_prompt_text, job.optimizer.iterations) == (text, 3)
    assert search_spec(job).rewrite_meta == MetaPrompt("Improve.", "{{prompt}}")


def test_all_sets_are_read_from_their_files(folder: Path) -> None:
    _write_rows(folder / "gate.jsonl", ROWS[:3])
    _write_rows(folder / "test.jsonl", ROWS[3:7])
    job = load_job(
        _job(folder, dataset={"train": "data/train.jsonl", "validation": "gate.jsonl", "test": "test.jsonl"})
    )
    assert (job.dataset.validation, job.dataset.test) == (ROWS[:3], ROWS[3:7])


def test_data_is_looked_for_beside_the_file_and_then_in_the_data_folder(folder: Path) -> None:
    _write_rows(folder / "public" / "bbh" / "rows.jsonl", ROWS[:5])
    _write_rows(folder / "public" / "data" / "train.jsonl", ROWS[:6])
    public = folder / "public"
    assert len(load_job(_job(folder, dataset={"train": "bbh/rows.jsonl"}), public).dataset.train) == 5
    assert len(load_job(_job(folder), public).dataset.train) == 20
    assert len(load_job(_job(folder, dataset={"train": str(public / "bbh" / "rows.jsonl")})).dataset.train) == 5


def test_a_published_set_may_be_named_instead_of_a_file(folder: Path) -> None:
    published = folder / "public" / "bbh" / "bbh" / "navigate.json"
    published.parent.mkdir(parents=True)
    published.write_text(json.dumps({"examples": [{"input": f"walk {row}", "target": "No"} for row in range(9)]}))
    named = _job(folder, dataset={"train": "bbh:navigate", "sample": 5})
    assert len(load_job(named, folder / "public").dataset.train) == 5
    assert "bbh:navigate is not part of pmpo" in _refusal(named)
    assert "there is no bbh/bbh/lies.json" in _refusal(
        _job(folder, dataset={"train": "bbh:lies"}), data_dir=folder / "public"
    )


def test_missing_data_names_every_folder_looked_in(folder: Path) -> None:
    job = _job(folder, dataset={"train": "no.jsonl"})
    assert f"dataset.train: no.jsonl was not found in {folder}; correct the path, or set PMPO_DATA_DIR" in _refusal(job)
    public = folder / "public"
    assert f"was not found in {folder} or in {public}; correct the path" in _refusal(job, data_dir=public)
    assert "was not found: its folder" in _refusal(_job(folder, dataset={"train": "/no/where/x.jsonl"}))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"promt": "x"}, "unknown key 'promt', did you mean 'prompt'?"),
        ({"optimizer": {"iteratoins": 3}}, "unknown key 'optimizer.iteratoins', did you mean 'optimizer.iterations'?"),
        ({"dataset": {"train": "x", "tests": "y"}}, "unknown key 'dataset.tests', did you mean 'dataset.test'?"),
        ({"fields": {"xyz": "q"}}, "unknown key 'fields.xyz'; known keys there are: input, target"),
        ({"budget": {1: 2}}, "unknown key 'budget.1'; known keys there are"),
    ],
)
def test_unknown_keys_are_refused_at_every_level(folder: Path, changes: dict[str, Any], says: str) -> None:
    path = _job(folder, **changes)
    assert f"{path}: {says}" in _refusal(path, UnknownKeyError)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (
            {"kind": "distil"},
            "kind is 'distil'; this version has only 'optimize', 'compress', 'rationalize' or 'evaluate'",
        ),
        (
            {"objective": {"kind": "reward"}},
            "objective.kind is 'reward'; this version has only 'supervised', 'preference' or 'options'",
        ),
        (
            {"optimizer": {"selection": "best"}},
            "optimizer.selection is 'best'; this version has only 'halving', 'race' or 'full'",
        ),
        ({"models": {"target": {"url": "http://x"}}}, "takes a name of the operator's endpoint table"),
        (
            {"dataset": "ds_1"},
            "dataset: name a file with examples, {train: data.jsonl}, or the id of a stored data set",
        ),
        ({"dataset": {"train": STORED, "sample": 5}}, "store a sample instead: `pmpo datasets push FILE --sample 5"),
    ],
)
def test_what_is_not_built_yet_is_said(folder: Path, changes: dict[str, Any], says: str) -> None:
    assert says in _refusal(_job(folder, **changes))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (
            {"chat_template_kwargs": {"enable_thinking": ["no"]}},
            "chat_template_kwargs.enable_thinking is ['no']; give true, false, a number, a text or null",
        ),
        ({"chat_template_kwargs": "no"}, "chat_template_kwargs is 'no'; input should be a valid dictionary"),
        ({"prompt": 5}, "prompt is 5; input should be a valid string"),
        ({"prompt": ""}, "prompt is ''; string should have at least 1 character"),
        ({"prompt": ...}, "give either 'prompt' or 'prompt_file'"),
        ({"prompt_file": "x"}, "give either 'prompt' or 'prompt_file'"),
        ({"prompts": ["x"]}, "or several seed prompts in 'prompts'"),
        ({"prompt": ..., "prompts": []}, "prompts is []; give a list of prompts"),
        ({"prompt": ..., "prompts": "x"}, "prompts is 'x'; give a list of prompts"),
        ({"prompt": ..., "prompts": ["x", 3]}, "prompts.1 is 3; input should be a valid string"),
        ({"budget": {"money": 0}}, "budget.money is 0; input should be greater than 0"),
        ({"optimizer": {"units": "both"}}, "optimizer.units is 'both'; this version has only 'rule' or 'model'"),
        ({"optimizer": {"meta_prompt_file": "x.txt"}}, "optimizer.meta_prompt_file: x.txt was not found in"),
        (
            {"optimizer": {"meta_prompt_file": "x", "meta_prompt_text": "y"}},
            "give either optimizer.meta_",
        ),
        ({"prompt": ..., "prompt_file": "x.txt"}, "prompt_file: x.txt was not found in"),
        ({"prompt": ..., "prompt_file": ["x"]}, "prompt_file is ['x']; give the path of a file"),
        ({"optimizer": [1]}, "optimizer is [1]; input should be"),
        ({"optimizer": {"iterations": "5"}}, "optimizer.iterations is '5'; input should be a valid integer"),
        ({"optimizer": {"iterations": 0}}, "optimizer.iterations is 0; it must be at least 1"),
        ({"constraints": {"protect": "x"}}, "constraints.protect is 'x'; input should be a valid list"),
        ({"constraints": {"anchors": [1, "b"]}}, "constraints.anchors.1 is 'b'; input should be a valid integer"),
        ({"seed": True}, "seed is True; input should be a valid integer"),
        ({"dataset": ...}, "dataset: name a file with examples, {train: data.jsonl}"),
        ({"dataset": {"test": "x"}}, "dataset: name a file with examples"),
        ({"dataset": {"train": 3}}, "dataset.train is 3; give the path of a file"),
        ({"dataset": {"train": "data/train.jsonl", "sample": 2}}, "dataset.sample is 2; give a number of rows"),
        ({"dataset": {"train": "data/train.jsonl", "sample": "9"}}, "dataset.sample is '9'"),
    ],
)
def test_wrong_values_are_refused_in_one_sentence(folder: Path, changes: dict[str, Any], says: str) -> None:
    assert says in _refusal(_job(folder, **changes))


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("job.yaml", "prompt: [a\nseed: 1", "job.yaml, line 2: "),
        ("job.yaml", "prompt: a\nprompt: b", "job.yaml, line 2: the key 'prompt' stands twice"),
        ("job.yaml", "", "holds no keys"),
        ("job.yaml", "- a", "holds no keys"),
        ("job.yaml", b"\xff", "is not UTF-8"),
        ("job.json", '{"a": 1,\n"b"}', "job.json, line 2: "),
        ("job.json", '{"a": 1, "a": 2}', "the key 'a' stands twice"),
        ("job.toml", "", "ends in '.toml'; give a .yaml or .json file"),
    ],
)
def test_malformed_files_are_refused(tmp_path: Path, name: str, content: str | bytes, says: str) -> None:
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    assert says in _refusal(tmp_path / name)


def test_a_missing_job_file_names_the_nearest(folder: Path) -> None:
    _job(folder)
    assert _refusal(folder / "jop.yaml") == f"jop.yaml was not found in {folder}; did you mean job.yaml?"


def test_overrides_replace_values_at_every_level(folder: Path) -> None:
    path = _job(folder, seed=1, optimizer={"iterations": 9, "variants": 2})
    overrides = {"seed": 5, "optimizer.iterations": 3, "budget.seconds": 7.5}
    job = load_job(path, overrides=overrides)
    assert (job.seed, job.optimizer.iterations, job.optimizer.variants, job.budget.seconds) == (5, 3, 2, 7.5)
    assert "unknown key 'sed'" in _refusal(path, UnknownKeyError, overrides={"sed": 1})


def test_too_many_rows_are_refused_and_a_sample_is_taken(folder: Path) -> None:
    rows = [{"input": f"x{number}", "target": "y"} for number in range(1_500)]
    _write_rows(folder / "many.jsonl", rows)
    says = _refusal(_job(folder, dataset={"train": "many.jsonl"}), InvalidDataError)
    assert "the data has more than 1,000 rows, and a job carries no more; add `sample: 1000`" in says
    path = _job(folder, dataset={"train": "many.jsonl", "sample": 60}, constraints={"anchors": [1_400, 3]})
    job, again, other = load_job(path), load_job(path), load_job(path, overrides={"seed": 1})
    assert job == again
    assert len(job.dataset.train) == 60
    assert job.dataset.train != other.dataset.train
    assert [job.dataset.train[anchor] for anchor in job.constraints.anchors] == [rows[1_400], rows[3]]


def test_an_anchor_outside_the_file_is_refused_before_sampling(folder: Path) -> None:
    path = _job(folder, dataset={"train": "data/train.jsonl", "sample": 5}, constraints={"anchors": [20]})
    assert "anchor 20 is no row of the train file; rows are 0 to 19" in _refusal(path)


def test_the_example_on_public_data_is_a_job(tmp_path: Path) -> None:
    source = REPOSITORY / "examples" / "bbh-navigate.yaml"
    rows = [{"input": f"Take {number} steps.\nOptions:\n- Yes\n- No", "target": "No"} for number in range(250)]
    (tmp_path / "bbh" / "bbh").mkdir(parents=True)
    (tmp_path / "bbh" / "bbh" / "navigate.json").write_text(json.dumps({"canary": "c", "examples": rows}))
    job = load_job(source, tmp_path)
    _, sizes, warnings = split_job(job)
    assert (sizes.train, sizes.validation, sizes.test) == (50, 20, 30)
    assert warnings == []
    assert search_spec(job).iterations == job.optimizer.iterations


PUBLIC_JOBS = sorted(path.stem for path in (REPOSITORY / "examples").glob("bbh-*.yaml"))


@pytest.mark.parametrize("name", [name for name in PUBLIC_JOBS if not name.endswith("-steps")])  # made by a model
def test_every_job_on_a_public_file_is_one(name: str) -> None:
    job = load_job(REPOSITORY / "examples" / f"{name}.yaml", public_data())
    splits, sizes, warnings = split_job(job)
    assert (sizes.train, sizes.validation, sizes.test, warnings) == (50, 20, 30, [])
    assert search_spec(job).with_accuracy
    grader = grader_for(job.metric)
    assert grader is not None and all(grader.grade(example, example.target) for example in splits.test)
