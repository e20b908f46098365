"""Units: the model's are taken when they are sound, else the rule's, and it is said which."""

import pytest

from pmpo.optim.rewrite import MetaPrompt
from pmpo.optim.types import Completion
from pmpo.optim.unit_proposals import ModelUnits, RuleUnits

PROMPT = "Sort the words. Take your time. Use {{form}} here. Be kind."
BY_RULE = RuleUnits(("Be kind.",), 5)


class Model:
    def __init__(self, text, finish_reason="stop"):
        self.completion = Completion(text, 9, finish_reason)
        self.asked = []

    async def ask(self, messages):
        self.asked.append(messages)
        return self.completion


def policy(model):
    meta = MetaPrompt("Mark.", "At most {{max_units}}, not {{keep}}:\n{{prompt}}")
    return ModelUnits(meta, ("{{form}}", "Be kind."), BY_RULE, model.ask)


async def test_sound_marks_are_the_units():
    model = Model(PROMPT.replace("Sort the words. Take your time.", "<mask>Sort the words. Take your time.</mask>"))
    found = await policy(model).propose(PROMPT)
    assert ([unit.text for unit in found.units], found.source, found.detail) == (
        ["Sort the words. Take your time."],
        "model",
        "",
    )
    assert model.asked[0][1].content == f"At most 5, not {{{{form}}}}, Be kind.:\n{PROMPT}"


@pytest.mark.parametrize(
    "wrapping", ["<prompt>\n{}\n</prompt>", "```\n{}\n```", "Here:\n<prompt>```\n{}\n```</prompt>"]
)
async def test_packaging_is_taken_off(wrapping):
    marked = PROMPT.replace("Sort the words.", "<mask>Sort the words.</mask>")
    found = await policy(Model(wrapping.format(marked))).propose(PROMPT)
    assert ([unit.text for unit in found.units], found.source) == (["Sort the words."], "model")


@pytest.mark.parametrize(
    ("text", "reason", "says"),
    [
        (PROMPT, "stop", "no part was marked"),
        (PROMPT.replace("Be kind.", "<mask>Be kind.</mask>"), "stop", "protected text"),
        (PROMPT.replace("Sort", "<mask>Order</mask>"), "stop", "it is not the prompt"),
        (PROMPT.replace("Sort", "<mask>Sort</mask>"), "length", "was cut off"),
    ],
)
async def test_what_is_not_sound_gives_way_to_the_rule(text, reason, says):
    found = await policy(Model(text, reason)).propose(PROMPT)
    assert (found.units, found.source) == ((await BY_RULE.propose(PROMPT)).units, "rule")
    assert says in found.detail
