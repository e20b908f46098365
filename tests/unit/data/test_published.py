"""Published data sets to rows: by small made-up files here, and by the files themselves where they are."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from pmpo.contracts.objectives import FieldNames, ObjectiveKind
from pmpo.data.examples import to_examples
from pmpo.data.loading import load_rows
from pmpo.data.metrics import check_gradable
from pmpo.data.published.catalogue import PUBLISHED, is_published_name, load_published, published_set
from pmpo.errors import InvalidDataError, InvalidInputError, PmpoError
from tests.public_data import public_data

LETTERED = "Which one?\nOptions:\n(A) a red ball\n(B) a blue ball"
DASHED = "Do you return?\nOptions:\n- Yes \n- No"
AQUA = {"question": "1 + 1?", "options": ["A)1", "B)2", "C)x) or (y"], "rationale": "Add them.", "correct": "B"}
GSM8K = {"question": "How many?", "answer": "He has 2*600 = <<2*600=1200>>1,200 eggs.\n#### 1,200"}
PAIR = {"instruction": "Say hi.", "output_1": "Hi!", "output_2": "Hello.", "preference": 1.2}


def put(folder: Path, place: str, rows: Any) -> Path:
    path = folder / place
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = path.suffix == ".jsonl" or place.startswith("aqua")
    path.write_text("\n".join(map(json.dumps, rows)) if lines else json.dumps(rows), encoding="utf-8")
    return path


def bbh(folder: Path, task: str, *rows: tuple[str, str]) -> list[Any]:
    examples = [{"input": given, "target": target} for given, target in rows]
    put(folder, f"bbh/bbh/{task}.json", {"canary": "x", "examples": examples})
    return load_published(f"bbh:{task}", folder)


def test_bbh_options_are_read_from_the_input_or_known_by_the_task(tmp_path: Path) -> None:
    [row] = bbh(tmp_path, "colors", (LETTERED, "(B)"))
    assert row == {"input": LETTERED, "target": "(B)", "options": {"(A)": "a red ball", "(B)": "a blue ball"}}
    assert bbh(tmp_path, "navigate", (DASHED, "No"))[0]["options"] == ["Yes", "No"]
    assert bbh(tmp_path, "web_of_lies", ("Does Ann lie?", "No"))[0]["options"] == ["Yes", "No"]
    assert "options" not in bbh(tmp_path, "object_counting", ("How many?", "7"))[0]


def test_a_bbh_choice_whose_answer_is_no_option_is_left_out(tmp_path: Path) -> None:
    assert [row["target"] for row in bbh(tmp_path, "colors", (LETTERED, "blue"), (LETTERED, "(A)"))] == ["(A)"]


def test_gsm8k_targets_end_in_the_number_with_or_without_reasoning(tmp_path: Path) -> None:
    put(tmp_path, "gsm8k/train.jsonl", [GSM8K])
    [row] = load_published("gsm8k:train", tmp_path)
    assert row == {"input": "How many?", "target": "He has 2*600 = 1,200 eggs.\nThe answer is 1200"}
    [bare] = load_published("gsm8k:train", tmp_path, with_reasoning=False)
    assert bare["target"] == "1200"


def test_aqua_options_are_lettered_as_in_bbh(tmp_path: Path) -> None:
    put(tmp_path, "aqua/dev.json", [AQUA, AQUA])
    [row, _] = load_published("aqua:dev", tmp_path)
    assert row["input"] == "1 + 1?\nOptions:\n(A) 1\n(B) 2\n(C) x) or (y"
    assert row["options"] == {"(A)": "1", "(B)": "2", "(C)": "x) or (y"}
    assert row["target"] == "Add them.\nThe answer is (B)"
    assert load_published("aqua:dev", tmp_path, with_reasoning=False)[0]["target"] == "(B)"


def test_alpaca_outputs_are_targets_and_empty_ones_are_left_out(tmp_path: Path) -> None:
    outputs = [{"instruction": "a", "output": "b"}, {"instruction": "c", "output": " "}]
    put(tmp_path, "alpaca_eval/results/m/model_outputs.json", outputs)
    assert load_published("alpaca_eval:m", tmp_path) == [{"input": "a", "target": "b"}]


def test_alpaca_pairs_follow_the_preference_and_skip_what_decides_nothing(tmp_path: Path) -> None:
    changes: list[dict[str, Any]] = [
        {},
        {"preference": 1.9},
        {"preference": 1.5},
        {"preference": None},
        {"output_1": ""},
        {"output_2": "Hi! "},
    ]
    path = put(tmp_path, "annotations.json", [PAIR | change for change in changes])
    rows = load_published("alpaca_pairs:m", None, path)
    assert [(row["chosen"], row["rejected"]) for row in rows] == [("Hi!", "Hello."), ("Hello.", "Hi!")]


@pytest.mark.parametrize(
    ("name", "kind", "fields", "answers_only"),
    [
        ("bbh:colors", "options", FieldNames(answer="target"), False),
        ("bbh:colors", "supervised", FieldNames(), False),
        ("aqua:dev", "options", FieldNames(answer="target"), True),
        ("aqua:dev", "supervised", FieldNames(), False),
        ("gsm8k:train", "supervised", FieldNames(), False),
    ],
)
def test_rows_fit_the_objectives_and_no_field_gives_the_answer_away(
    tmp_path: Path, name: str, kind: ObjectiveKind, fields: FieldNames, answers_only: bool
) -> None:
    bbh(tmp_path, "colors", (LETTERED, "(B)"))
    put(tmp_path, "aqua/dev.json", [AQUA, AQUA])
    put(tmp_path, "gsm8k/train.jsonl", [GSM8K])
    rows = load_published(name, tmp_path, with_reasoning=not answers_only)
    example = to_examples(rows, fields, kind=kind)[0]
    assert example.target == rows[0]["target"]
    assert set(example.fields) <= {"input", "options"}
    assert len(example.targets) == (len(rows[0]["options"]) if kind == "options" else 1)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("bbb:x", "known are: bbh, gsm8k, aqua, alpaca_eval, alpaca_pairs"),
        ("bbh", "write bbh: and a task"),
        ("bbh:", "write bbh: and a task"),
        ("bbh:../../secret", "write bbh: and a task"),
    ],
)
def test_a_name_that_means_nothing_is_refused(name: str, says: str) -> None:
    with pytest.raises(InvalidInputError, match=re.escape(says)):
        published_set(name)
    assert is_published_name(name) == name.startswith("bbh:")


def test_a_file_that_is_not_there_is_one_sentence_with_the_source_and_its_licence(tmp_path: Path) -> None:
    with pytest.raises(InvalidDataError, match=r"navigate is not part of pmpo: .*MIT\); set PMPO_DATA_DIR to a folder"):
        load_published("bbh:navigate", None)
    with pytest.raises(InvalidDataError, match=r"there is no bbh/bbh/navigate\.json or .*put it there"):
        load_published("bbh:navigate", tmp_path)
    bbh(tmp_path, "navigate", (DASHED, "No"))
    with pytest.raises(InvalidDataError, match="did you mean bbh:navigate"):
        load_published("bbh:navigat", tmp_path)


def test_a_clone_of_the_source_is_found_too(tmp_path: Path) -> None:
    put(tmp_path, "grade-school-math/grade_school_math/data/test.jsonl", [GSM8K])
    assert len(load_published("gsm8k:test", tmp_path)) == 1


@pytest.mark.parametrize(
    ("name", "row", "says"),
    [
        (
            "bbh:x",
            {"question": "a"},
            "row 1 (from 0) of the published file has no text under 'input' (its keys: question)",
        ),
        ("gsm8k:x", {"question": "a", "answer": "7"}, "without '####'"),
        ("aqua:x", AQUA | {"correct": "E"}, "(E) is none of its options"),
        ("aqua:x", AQUA | {"options": ["1", "2"]}, "no list of options like 'A)12'"),
        ("alpaca_pairs:x", PAIR | {"preference": 3}, "the preference 3"),
    ],
)
def test_another_file_than_the_name_says_is_refused_with_its_row(
    tmp_path: Path, name: str, row: dict[str, Any], says: str
) -> None:
    good = {"bbh": {"input": "a", "target": "b"}, "gsm8k": GSM8K, "aqua": AQUA, "alpaca_pairs": PAIR}
    path = put(tmp_path, "file.jsonl", [good[name.partition(":")[0]], row])
    with pytest.raises(PmpoError, match=re.escape(says)):
        load_published(name, None, path)


def test_nothing_that_can_be_used_is_refused(tmp_path: Path) -> None:
    path = put(tmp_path, "outputs.json", [{"instruction": "a", "output": ""}])
    with pytest.raises(InvalidDataError, match="no row of alpaca_eval:x can be used"):
        load_published("alpaca_eval:x", None, path)


def test_the_published_bbh_files_become_rows() -> None:
    folder = public_data() / "bbh" / "bbh"
    for path in folder.glob("*.json"):
        rows, published = load_published(f"bbh:{path.stem}", folder.parents[1]), load_rows(path)
        assert len(rows) >= len(published) - 2, path.stem
        assert {(row["input"], row["target"]) for row in rows} <= {(row["input"], row["target"]) for row in published}
        check_gradable("final_answer", to_examples(rows, FieldNames()))
        if "options" in rows[0]:
            to_examples(rows, FieldNames(answer="target"), kind="options")


@pytest.mark.parametrize(
    ("name", "metric", "num_rows"),
    [("gsm8k:train", "number", 7_473), ("gsm8k:test", "number", 1_319), ("aqua:dev", "option", 254)],
)
def test_the_published_sums_become_rows_whose_answers_are_found(name: Any, metric: Any, num_rows: int) -> None:
    folder = public_data(f"{name.replace(':', '/')}.json{'l' if metric == 'number' else ''}")
    for with_reasoning in (True, False):
        rows = load_published(name, folder, with_reasoning=with_reasoning)
        assert len(rows) == num_rows
        check_gradable(metric, to_examples(rows, FieldNames()))


def test_the_published_pairs_become_rows() -> None:
    folder = public_data("alpaca_eval/results/text_davinci_003/model_outputs.json")
    assert len(load_published("alpaca_eval:text_davinci_003", folder)) == 803
    pairs = load_published("alpaca_pairs:text_davinci_003", folder)
    assert len(to_examples(pairs, FieldNames(), kind="preference")) == len(pairs) > 790


def test_every_set_names_its_source_and_licence() -> None:
    for known in PUBLISHED.values():
        assert known.source.startswith("https://github.com/")
        assert known.licence
