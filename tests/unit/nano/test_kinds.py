"""The kinds of short inputs: what is drawn, what is answered, and how prompts name the tasks."""

import json
import random
import re
from collections.abc import Callable, Mapping
from datetime import datetime

import pytest

from nano_training.answers import Item
from nano_training.entities import BLAME, CATEGORIES, PRAISE, category_of, held_entities, train_entities
from nano_training.grammar import expand, split
from nano_training.kinds import (
    choices,
    dates,
    messages,
    number_lists,
    records,
    reviews,
    single_words,
    tables,
    word_lists,
)
from nano_training.kinds.base import Kind
from nano_training.labels import VOCABULARIES

MODULES = (reviews, word_lists, number_lists, single_words, dates, tables, records, messages, choices)
KINDS = [module.KIND for module in MODULES]
NUM_DRAWS = 300
Reading = Mapping[str, tuple[str, ...]]


def read_review(text: str) -> Reading:
    opinions = tuple(word for word in re.findall(r"\w+", text) if word in PRAISE + BLAME)
    return {"adjectives": opinions, "sentiment": ("positive" if set(opinions) <= set(PRAISE) else "negative",)}


def read_words(text: str) -> Reading:
    words = re.findall(r"\w+", text)
    return {
        "first": (words[0],),
        "second": (words[1],),
        "last": (words[-1],),
        "count": (str(len(words)),),
        "all": tuple(words),
        "without_first": tuple(words[1:]),
    }


def read_numbers(text: str) -> Reading:
    numbers = re.findall(r"\d+", text)
    ascending = sorted(numbers, key=int)
    return {
        "max": (ascending[-1],),
        "min": (ascending[0],),
        "first": (numbers[0],),
        "last": (numbers[-1],),
        "count": (str(len(numbers)),),
        "all": tuple(numbers),
    }


def read_word(text: str) -> Reading:
    return {
        "category": (next((name for name, words in CATEGORIES.items() if text in words), "other"),),
        "letters": (str(len(text)),),
        "first_letter": (text[:1],),
        "last_letter": (text[-1:],),
        "spelled": tuple(text),
        "copy": (text,),
    }


def read_date(text: str) -> Reading:
    found = re.search(r"\d+-\d+-\d+|\d+/\d+/\d+|\d+ [A-Z]\w+ \d{4}|[A-Z][a-z]+ \d+, \d{4}", text)
    assert found
    for form in ("%Y-%m-%d", "%d/%m/%Y", "%d %B %Y", "%B %d, %Y"):
        try:
            date = datetime.strptime(found[0], form)
        except ValueError:
            continue
        return {"year": (str(date.year),), "day": (str(date.day),), "month": (date.strftime("%B"),)}
    raise AssertionError(text)


def read_table(text: str) -> Reading:
    header, *rows = [re.split(r" ?[,|] ?", line) for line in text.splitlines()]
    people = [dict(zip(header, row, strict=True)) for row in rows]
    names = tuple(person["name"] for person in people)
    return {
        "names": names,
        "rows": (str(len(rows)),),
        "first_name": names[:1],
        "last_name": names[-1:],
        "top": (max(people, key=lambda person: int(person["points"]))["name"],),
    }


def read_record(text: str) -> Reading:
    pairs = json.loads(text) if text[0] == "{" else dict(pair.split(": ") for pair in re.split("; |\n", text))
    values = {field: (str(value),) for field, value in pairs.items() if field != "product"}
    return {**values, "fields": tuple(pairs)}


def read_choice(text: str) -> Reading:
    question, _, *lines = text.splitlines()
    options = [(line[1], line[4:]) for line in lines]
    asked = question.rstrip("?").split()[-1]
    (right,) = (pair for pair in options if category_of(pair[1]) == asked)
    return {"right": right, "first": options[0], "question_word": (asked,), "how_many": (str(len(options)),)}


READERS: dict[str, Callable[[str], Reading]] = {
    "review": read_review,
    "words": read_words,
    "numbers": read_numbers,
    "word": read_word,
    "date": read_date,
    "table": read_table,
    "record": read_record,
    "message": lambda text: {"order": tuple(re.findall(r"\d+", text))},
    "choice": read_choice,
}
each_kind = pytest.mark.parametrize("kind", KINDS, ids=[kind.name for kind in KINDS])


def drawn(kind: Kind) -> list[Item]:
    rng = random.Random(7)
    return [kind.draw(rng, entities) for _ in range(NUM_DRAWS) for entities in (train_entities(), held_entities())]


@each_kind
def test_every_draw_answers_all_tasks(kind: Kind) -> None:
    assert len(kind.tasks) >= 2
    for item in drawn(kind):
        assert item.kind == kind.name
        assert item.answers.keys() == kind.tasks.keys()
        assert len(re.findall(r"\d|[^\W\d]+|[^\w\s]", item.text)) <= 50, item.text


@each_kind
def test_answers_agree_with_the_text(kind: Kind) -> None:
    for item in drawn(kind):
        for task, parts in READERS[kind.name](item.text).items():
            assert item.answers[task].parts == parts, (task, item.text)


@each_kind
def test_answers_have_the_shape_of_their_kind(kind: Kind) -> None:
    for item in drawn(kind):
        for task, answer in item.answers.items():
            if answer.kind == "label":
                assert answer.parts[0] in VOCABULARIES[answer.vocabulary][0]
            elif answer.kind == "number":
                assert 0 <= int(answer.parts[0]) <= 9999
            elif answer.kind == "text" and (kind.name, task) != ("date", "month"):
                assert answer.parts[0] in item.text
                assert kind.name == "word" or len(re.findall(rf"\b{answer.parts[0]}\b", item.text)) == 1


def test_messages_say_what_they_are_labelled() -> None:
    for item in drawn(messages.KIND):
        product = item.answers["product"].parts[0]
        intents = messages.INTENTS[item.answers["intent"].parts[0]]
        assert sum(form.format(product=product) in item.text for form in intents) == 1
        assert sum(form in item.text for form in messages.URGENCIES[item.answers["urgency"].parts[0]]) == 1


@each_kind
def test_no_sentence_comes_twice_within_a_kind(kind: Kind) -> None:
    sentences = [sentence for task in kind.tasks.values() for pattern in task.phrasings for sentence in expand(pattern)]
    assert sorted(sentences) == sorted(set(sentences))


@each_kind
def test_each_task_has_enough_sentences(kind: Kind) -> None:
    for name, task in kind.tasks.items():
        sentences = [sentence for pattern in task.phrasings for sentence in expand(pattern)]
        assert 25 <= len(sentences) <= 150, name
        assert 3 <= len(task.phrasings) <= 6, name
        assert 3 <= len(task.descriptions) <= 5, name
        for sentence in sentences:
            assert sentence[-1] in ".?", sentence
            assert not re.search("[{}|]|  ", sentence), sentence
            assert len(sentence.split()) <= 12, sentence


@each_kind
def test_held_out_sentences_are_made_of_seen_words(kind: Kind) -> None:
    for name, task in kind.tasks.items():
        seen, held = split(task.phrasings)
        words = {word for sentence in seen for word in re.findall(r"\w+", sentence)}
        assert {word for sentence in held for word in re.findall(r"\w+", sentence)} <= words, name


@each_kind
def test_the_same_seed_gives_the_same_draws(kind: Kind) -> None:
    assert drawn(kind) == drawn(kind)
