"""The kinds in the form of public tasks: answers found again from the text, and the same solvers on public files."""

import json
import random
import re
from collections.abc import Callable

import pytest

from nano_training.answers import Item
from nano_training.entities import held_entities, train_entities
from nano_training.grammar import expand, split
from nano_training.kinds import boolean, counting, lies, shuffle, sorting, walk
from nano_training.kinds.base import Kind
from tests.public_data import public_data

KINDS = {module.KIND.name: module.KIND for module in (walk, boolean, counting, lies, shuffle, sorting)}
MAIN_TASKS = dict(zip(KINDS, "return value total truth final sorted".split(), strict=True))
PUBLIC_FILES = {
    "walk": "navigate",
    "boolean": "boolean_expressions",
    "counting": "object_counting",
    "lies": "web_of_lies",
    "shuffle": "tracking_shuffled_objects_three_objects",
    "sorting": "word_sorting",
}
NUMBERS = {"a": 1, "an": 1, "two": 2, "three": 3, "four": 4, "five": 5}


def solve_walk(text: str) -> str:
    place, facing = 0j, 1j
    ways = {"forward": 1, "backward": -1, "left": 1j, "right": -1j, "around": -1, "": 1}
    for turn, count, way in re.findall(r"Turn (\w+)\.|Take (\d+) steps? ?(\w*)\.", text):
        if turn:
            facing *= ways[turn]
        else:
            place += int(count) * facing * ways[way]
    return "Yes" if place == 0 else "No"


def solve_boolean(text: str) -> str:
    assert re.fullmatch(r"((True|False|not|and|or|\(|\)) )+is", text)
    return str(eval(text.removesuffix(" is")))


def listed_things(text: str) -> list[tuple[int, str]]:
    found = re.fullmatch(r"I have (.+), and (.+)\. How many [a-z ]+ do I have\?", text)
    assert found
    pairs = [entry.split(" ", 1) for entry in [*found[1].split(", "), found[2]]]
    return [(NUMBERS[count], name) for count, name in pairs]


def solve_counting(text: str) -> str:
    asked = text.split("How many ")[1].removesuffix(" do I have?")
    names = [name for group, names in counting.GROUPS.items() if asked in (group, "objects") for name in names]
    wanted = {form for name in names for form in (name, counting.plural(name))}
    return str(sum(count for count, name in listed_things(text) if name in wanted))


def solve_lies(text: str) -> str:
    honest: dict[str, bool] = {}
    for speaker, other, said in re.findall(r"(?:(\w+) says )?(\w+) (tells the truth|lies)\.", text):
        claim = said != "lies"
        honest[speaker or other] = (honest[other] == claim) if speaker else claim
    asked = re.search(r"Does (\w+) tell the truth\?$", text)
    assert asked
    return "Yes" if honest[asked[1]] else "No"


def solve_shuffle(text: str) -> str:
    people = text.split(" are ", maxsplit=1)[0].replace(", and ", ", ").split(", ")
    holds = dict(zip(people, re.findall(r"\n\([ABC]\) (.+)", text), strict=True))
    assert [text.index(f" {thing}") for thing in holds.values()] == sorted(text.index(f" {t}") for t in holds.values())
    for one, other in re.findall(r"(?:First|Then|Finally), (\w+) and (\w+) ", text):
        holds[one], holds[other] = holds[other], holds[one]
    asked = re.search(r"At the end of the \w+, (\w+) ", text)
    assert asked
    options = {thing: letter for letter, thing in re.findall(r"\n\(([ABC])\) (.+)", text)}
    return f"({options[holds[asked[1]]]})"


def solve_sorting(text: str) -> str:
    return " ".join(sorted(text.removeprefix("Sort the following words alphabetically: List: ").split(" ")))


SOLVERS: dict[str, Callable[[str], str]] = {
    "walk": solve_walk,
    "boolean": solve_boolean,
    "counting": solve_counting,
    "lies": solve_lies,
    "shuffle": solve_shuffle,
    "sorting": solve_sorting,
}


def last_state(kind: str, steps: str) -> str:
    """The main answer as the end of the steps shows it."""
    if kind == "walk":
        return "No" if "different" in steps else "Yes"
    if kind == "boolean":
        return steps.rsplit(" = ", maxsplit=1)[-1]
    if kind == "counting":
        return steps.rsplit(" ", maxsplit=1)[-1]
    if kind == "lies":
        return "Yes" if steps.endswith("truth.") else "No"
    if kind == "shuffle":
        found = re.search(r" ([ABC]): [^:]+\.$", steps)
        assert found
        return f"({found[1]})"
    return re.sub(r"\S \S (\S+)", r"\1", steps.rsplit(". ", maxsplit=1)[-1]).replace(",", "")


def items(kind: str, count: int = 400) -> list[Item]:
    rng = random.Random(11)
    return [KINDS[kind].draw(rng, entities) for entities in (train_entities(), held_entities()) for _ in range(count)]


@pytest.mark.parametrize("kind", KINDS)
def test_main_answers_and_steps_follow_from_the_text(kind: str) -> None:
    for item in items(kind):
        answer = item.answers[MAIN_TASKS[kind]]
        expected = f"({answer.parts[0]})" if answer.kind == "option" else answer.parts[0]
        assert SOLVERS[kind](item.text) == expected
        if answer.steps:
            assert last_state(kind, answer.steps) == expected
        else:
            assert kind == "sorting"
            assert int(item.answers["count"].parts[0]) > sorting.MAX_WORDS_WITH_STEPS


def test_every_reduction_of_an_expression_keeps_its_value() -> None:
    for item in items("boolean"):
        lines = item.answers["value"].steps.split(" = ")
        assert lines[0] == item.text.removesuffix(" is")
        assert len({str(eval(line)) for line in lines}) == 1


def test_running_totals_add_one_thing_at_a_time() -> None:
    for item in items("counting"):
        total, entries = 0, item.answers["total"].steps.split(", ")
        for (count, name), entry in zip(listed_things(item.text), entries, strict=True):
            total += 0 if " skip " in entry else count
            assert re.fullmatch(rf"\w+ {name}( skip)? {total}", entry)


def test_other_answers_follow_from_the_text() -> None:
    for item in items("walk"):
        counts = re.findall(r"Take (\d+)", item.text)
        assert parts(item, "first", "moves", "last_steps") == [(counts[0],), (str(len(counts)),), (counts[-1],)]
    for item in items("boolean"):
        words = item.text.split(" ")
        first = next(word for word in words if word in boolean.LITERALS)
        assert parts(item, "count_not", "first") == [(str(words.count("not")),), (first,)]
    for item in items("counting"):
        things = listed_things(item.text)
        assert parts(item, "first", "kinds") == [(things[0][1],), (str(len(things)),)]
    for item in items("lies"):
        names = tuple(re.findall(r"(?:^Question:|\.) (\w+) (?:says|tells|lies)", item.text))
        asked = item.text.split("Does ")[-1].split(" ")[0]
        assert parts(item, "first", "asked", "speakers") == [(names[0],), (asked,), names]
    for item in items("shuffle"):
        asked = item.text.split("At the end of the ")[1].split(", ")[1].split(" ")[0]
        names = tuple(item.text.split(" are ")[0].replace(", and ", ", ").split(", "))
        assert parts(item, "asked", "people") == [(asked,), names]
    for item in items("sorting"):
        words = item.text.split("List: ")[1].split(" ")
        assert parts(item, "first", "count") == [(words[0],), (str(len(words)),)]


def parts(item: Item, *tasks: str) -> list[tuple[str, ...]]:
    return [item.answers[task].parts for task in tasks]


def test_about_half_of_the_yes_or_no_answers_are_yes() -> None:
    for kind, yes in (("walk", "Yes"), ("boolean", "True"), ("lies", "Yes")):
        drawn = [item.answers[MAIN_TASKS[kind]].parts[0] == yes for item in items(kind)]
        assert 0.4 < sum(drawn) / len(drawn) < 0.6


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_tasks_are_those_that_are_answered_and_have_many_sentences(kind: Kind) -> None:
    assert set(kind.tasks) == set(kind.draw(random.Random(1), train_entities()).answers)
    everything = [
        sentence for task in kind.tasks.values() for pattern in task.phrasings for sentence in expand(pattern)
    ]
    assert len(everything) == len(set(everything))
    assert all(sentence[-1] in ".?" and len(sentence.split()) <= 12 for sentence in everything)
    for task in kind.tasks.values():
        assert 3 <= len(task.phrasings) <= 6
        assert 3 <= len(task.descriptions) <= 5
        assert 25 <= sum(len(side) for side in split(task.phrasings)) <= 120


@pytest.mark.parametrize("kind", KINDS)
def test_the_solvers_give_the_public_targets(kind: str) -> None:
    path = public_data() / "bbh" / "bbh" / f"{PUBLIC_FILES[kind]}.json"
    examples = json.loads(path.read_text())["examples"]
    wrong = [example for example in examples if SOLVERS[kind](example["input"]) != example["target"]]
    assert len(wrong) <= len(examples) // 100, wrong[:3]
