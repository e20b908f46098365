"""Records: four or five named fields, in any order."""

from __future__ import annotations

import json
import random

from nano_training.answers import Item, listed, number, text
from nano_training.entities import COLORS, Entities
from nano_training.kinds.base import Kind, Task


def draw(rng: random.Random, entities: Entities) -> Item:
    """A record with name, city, color and id, half of the time also with a product, in one of three layouts."""
    record: dict[str, str | int] = {
        "name": rng.choice(entities.names),
        "city": rng.choice(entities.cities),
        "color": rng.choice(COLORS),
        "id": rng.randrange(1, 1000),
    }
    if rng.random() < 0.5:
        record["product"] = rng.choice(entities.products)
    fields = rng.sample(list(record), len(record))
    answers = {
        "name": text(str(record["name"])),
        "city": text(str(record["city"])),
        "color": text(str(record["color"])),
        "id": number(int(record["id"])),
        "fields": listed(*fields),
    }
    return Item("record", _layout(rng, {field: record[field] for field in fields}), answers)


def _layout(rng: random.Random, record: dict[str, str | int]) -> str:
    form = rng.choice(("; ", "\n", "json"))
    if form == "json":
        return json.dumps(record, ensure_ascii=False)
    return form.join(f"{field}: {value}" for field, value in record.items())


NAME = Task(
    phrasings=(
        "{Find|Give|Report|State|Return|Identify|Extract} the {name|person|name of the person}"
        "{| of the record| in the record| in the text}.",
        "{Which|What} {name|person} {is there|is named|is in the record}?",
        "{Tell me|Say} {who|which person|which name} is {named|there|in the record}.",
        "Who {is there|is named|is in the record}?",
    ),
    descriptions=("Extract the name of a record.", "Find the person in a record.", "Name in a record."),
)
CITY = Task(
    phrasings=(
        "{Find|Give|Report|State|Return|Name|Identify|Extract} the {city|town}"
        "{| of the record| in the record| in the text}.",
        "{Which|What} {city|town} {is there|is named|is in the record}?",
        "{Tell me|Say} {which|what} {city|town} is {named|there|in the record}.",
    ),
    descriptions=("Extract the city of a record.", "Find the city in a record.", "City in a record."),
)
COLOR = Task(
    phrasings=(
        "{Find|Give|Report|State|Return|Name|Identify|Extract} the {color|colour}"
        "{| of the record| in the record| in the text}.",
        "{Which|What} {color|colour} {is there|is named|is in the record}?",
        "{Tell me|Say} {which|what} {color|colour} is {named|there|in the record}.",
    ),
    descriptions=("Extract the color of a record.", "Find the color in a record.", "Color in a record."),
)
ID = Task(
    phrasings=(
        "{Find|Give|Report|State|Return|Name|Identify|Extract} the {id|number|id number}"
        "{| of the record| in the record| in the text}.",
        "{Which|What} {id|number|id number} {is there|is named|is in the record}?",
        "{Tell me|Say} {which|what} {id|number|id number} is {named|there|in the record}.",
    ),
    descriptions=("Extract the id of a record.", "Find the number in a record.", "Id number of a record."),
)
FIELDS = Task(
    phrasings=(
        "{Find|Give|Report|Return|Name} {the|all} {fields|field names|keys}{| of the record| in the record}.",
        "{Which|What} {fields|field names|keys} {are there|are in the record|does the record have}?",
        "{Tell me|Say} {which|what} {fields|field names|keys} are {there|in the record}.",
    ),
    descriptions=("Return the field names of a record.", "List the keys of a record.", "The fields a record has."),
)

KIND = Kind(
    name="record",
    draw=draw,
    labels=("Record", "Data", "Input"),
    tasks={"name": NAME, "city": CITY, "color": COLOR, "id": ID, "fields": FIELDS},
)
