"""pmpo.toml: shared settings below a prompt's own, and one sentence for what cannot be used."""

from __future__ import annotations

import pytest

from pmpo.ci.comparison import Thresholds
from pmpo.ci.config import read_config
from pmpo.errors import InvalidInputError

GOOD = """
[job]
seed = 3
optimizer = {iterations = 5, variants = 2}

[thresholds]
tolerance = 0.1

[datasets]
cities = {train = "cities.jsonl"}

[prompts.b]
file = "b.txt"
dataset = "cities"
optimizer = {iterations = 9}
thresholds = {max_loss = 0.5}

[prompts.a]
file = "a.txt"
dataset = {train = "a.jsonl", test = "t.jsonl"}
"""


def test_shared_settings_stand_below_a_prompts_own() -> None:
    first, second = read_config(GOOD, "pmpo.toml")
    assert (first.name, second.name) == ("a", "b")
    assert second.job == {
        "seed": 3,
        "optimizer": {"iterations": 9, "variants": 2},
        "dataset": {"train": "cities.jsonl"},
    }
    assert second.thresholds == Thresholds(tolerance=0.1, max_loss=0.5)
    assert first.job["dataset"] == {"train": "a.jsonl", "test": "t.jsonl"}
    assert first.thresholds == Thresholds(tolerance=0.1)


def test_a_stored_data_set_is_named_by_its_id_wherever_a_data_set_is_named() -> None:
    stored = f"ds_{'0a' * 16}"
    for dataset, section in ((f'"{stored}"', ""), ('"x"', f'x = "{stored}"'), ('"x"', f'x = {{train = "{stored}"}}')):
        [entry] = read_config(f'[datasets]\n{section}\n[prompts.a]\nfile = "a"\ndataset = {dataset}\n', "pmpo.toml")
        assert entry.job["dataset"] == {"train": stored}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = [", "pmpo.toml is no TOML: "),
        ("", "pmpo.toml names no prompts; add a section such as [prompts.greeting]"),
        ("[prompt.a]\n", "pmpo.toml: unknown key 'prompt', did you mean 'prompts'?"),
        ("[prompts.a]\n", 'pmpo.toml: prompts.a names no file; add file = "prompts/a.txt"'),
        ('[prompts."a b"]\n', "pmpo.toml: the prompt's name 'a b' may hold letters, digits, - and _ only"),
        ('[prompts.a]\nfile = "a"\n', "pmpo.toml: prompts.a has no dataset; name one of [datasets] (none)"),
        ('[prompts.a]\nfile = "a"\ndataset = "x"\n', "pmpo.toml: prompts.a has the dataset 'x', which no section"),
        ('[prompts.a]\nfile = "a"\ndataset = "ds_12"\n', "pmpo.toml: prompts.a has the dataset 'ds_12', which no"),
        ('[prompts.a]\nfile = "a"\nprompt = "x"\n', "pmpo.toml: prompts.a.prompt does not belong here: the prompt"),
        ('[job]\nkind = "compress"\n[prompts.a]\n', "pmpo.toml: job.kind does not belong here"),
        (
            '[prompts.a]\nfile = "p/x.txt"\ndataset = {train = "r"}\n'
            '[prompts.b]\nfile = "./p//x.txt"\ndataset = {train = "r"}\n',
            "pmpo.toml: prompts.a and prompts.b name the same file './p//x.txt'; give each prompt a file of its own",
        ),
        ("prompts = 3\n", "pmpo.toml: prompts is 3; make it a section [prompts]"),
        ("<<<<<<< a\nx\n=======\ny\n>>>>>>> b\n", "pmpo.toml, line 1: a merge conflict is not resolved"),
        (
            GOOD.replace("tolerance", "tolerence"),
            "pmpo.toml: prompts.a: unknown key 'thresholds.tolerence'",
        ),
        (
            GOOD.replace("= 0.1", '= "low"'),
            "pmpo.toml: prompts.a: thresholds.tolerance is 'low'; give a number",
        ),
        (
            GOOD.replace("max_loss = 0.5", "alpha = 2"),
            "pmpo.toml: prompts.b: thresholds.alpha is 2; give a number from 0 to 1",
        ),
        (
            GOOD.replace("= 0.1", "= inf"),
            "pmpo.toml: prompts.a: thresholds.tolerance is inf; give a number from 0 to 1,000,000,000",
        ),
        (
            GOOD.replace("= 0.1", "= nan"),
            "pmpo.toml: prompts.a: thresholds.tolerance is nan; give a number",
        ),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_sentence(text: str, said: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        read_config(text, "pmpo.toml")
    assert refused.value.message.startswith(said)
