"""Small tables of people: a name, points and one more column."""

from __future__ import annotations

import random

from nano_training.answers import Item, listed, number, text
from nano_training.entities import COLORS, Entities
from nano_training.kinds.base import Kind, Task

SEPARATORS = (",", ", ", " | ")
OTHER_COLUMNS = ("age", "city", "color")


def draw(rng: random.Random, entities: Entities) -> Item:
    """Two to four rows below a header; names differ, and so do points."""
    num_rows = rng.randint(2, 4)
    names = rng.sample(entities.names, num_rows)
    points = rng.sample(range(100), num_rows)
    other = rng.choice(OTHER_COLUMNS)
    cells = {"age": tuple(map(str, range(18, 90))), "city": entities.cities, "color": COLORS}[other]
    columns = [["points", *map(str, points)], [other, *(rng.choice(cells) for _ in names)]]
    rng.shuffle(columns)
    rows = zip(["name", *names], *columns, strict=True)
    separator = rng.choice(SEPARATORS)
    answers = {
        "names": listed(*names),
        "rows": number(num_rows),
        "first_name": text(names[0]),
        "last_name": text(names[-1]),
        "top": text(names[points.index(max(points))]),
    }
    return Item("table", "\n".join(separator.join(row) for row in rows), answers)


NAMES = Task(
    phrasings=(
        "{Find|Give|Report|State|Return|List|Extract} {all|all the} {names|people}{| of the table| in the table}.",
        "{Which|What} {names|people} are {there|in the table}?",
        "{Tell me|Say} {which|what} {names|people} are {there|in the table}.",
    ),
    descriptions=("Return all names of a table.", "List the people of a table.", "The names in a table."),
)
ROWS = Task(
    phrasings=(
        "{Find|Give|Report|State|Return} the number of {rows|people|names}{| of the table| in the table}.",
        "How many {rows|people|names} {are there|are in the table|does the table have}?",
        "{Tell me|Say} how many {rows|people|names} {there are|are in the table|the table has}.",
        "Count {the|all|all the} {rows|people|names}{| of the table| in the table}.",
    ),
    descriptions=("Count the rows of a table.", "Find out how many people a table has.", "Number of rows in a table."),
)
FIRST_NAME = Task(
    phrasings=(
        "{Find|Give|Report|State|Return|Identify|Extract} the {first name|first person|name in the first row}"
        "{| of the table}.",
        "{Which|What} {name|person} {comes first|is first|is in the first row}{| in the table}?",
        "{Tell me|Say} {who|which person|which name} {comes|is} first{| in the table}.",
        "Who {comes first|is first|is in the first row}{| in the table}?",
    ),
    descriptions=(
        "Return the first name of a table.",
        "Find who is in the first row.",
        "The name in the first row of a table.",
    ),
)
LAST_NAME = Task(
    phrasings=(
        "{Find|Give|Report|State|Return|Identify|Extract} the {last name|last person|name in the last row}"
        "{| of the table}.",
        "{Which|What} {name|person} {comes last|is last|is in the last row}{| in the table}?",
        "{Tell me|Say} {who|which person|which name} {comes|is} last{| in the table}.",
        "Who {comes last|is last|is in the last row}{| in the table}?",
    ),
    descriptions=(
        "Return the last name of a table.",
        "Find who is in the last row.",
        "The name in the last row of a table.",
    ),
)
TOP = Task(
    phrasings=(
        "{Find|Give|Report|State|Return|Identify|Extract} the {name|person} with the "
        "{most points|largest number of points|highest number of points}.",
        "{Who|Which person|What person} has the {most points|largest number of points|highest number of points}"
        "{| in the table}?",
        "{Tell me|Say} {who|which person} has the {most|highest} points{| in the table}.",
    ),
    descriptions=(
        "Find who has the most points in a table.",
        "Return the person with the most points.",
        "The name with the largest number of points.",
    ),
)

KIND = Kind(
    name="table",
    draw=draw,
    labels=("Table", "Data", "Input"),
    tasks={"names": NAMES, "rows": ROWS, "first_name": FIRST_NAME, "last_name": LAST_NAME, "top": TOP},
)
