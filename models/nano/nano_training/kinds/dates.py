"""Dates in four written forms, alone or inside a short sentence."""

from __future__ import annotations

import calendar
import random

from nano_training.answers import Item, number, text
from nano_training.entities import Entities
from nano_training.kinds.base import Kind, Task

MONTHS = tuple("January February March April May June July August September October November December".split())
FORMS = (
    "{year}-{month:02}-{day:02}",
    "{day} {name} {year}",
    "{name} {day}, {year}",
    "{day:02}/{month:02}/{year}",
)
SENTENCES = (
    "{date}",
    "Date: {date}",
    "The meeting is on {date}.",
    "{person} was born on {date}.",
    "We flew to {city} on {date}.",
    "On {date} {person} moved to {city}.",
    "The {product} arrived on {date}.",
    "{person} bought the {product} on {date}.",
    "It began in {city} on {date}.",
    "Please reply before {date}, {person}.",
)


def draw(rng: random.Random, entities: Entities) -> Item:
    """A date of the years 1900 to 2099; with slashes the day stands first."""
    year, month = rng.randint(1900, 2099), rng.randint(1, 12)
    day = rng.randint(1, calendar.monthrange(year, month)[1])
    date = rng.choice(FORMS).format(year=year, month=month, day=day, name=MONTHS[month - 1])
    sentence = rng.choice(SENTENCES).format(
        date=date,
        person=rng.choice(entities.names),
        city=rng.choice(entities.cities),
        product=rng.choice(entities.products),
    )
    return Item("date", sentence, {"year": number(year), "day": number(day), "month": text(MONTHS[month - 1])})


YEAR = Task(
    phrasings=(
        "{Find|Give|Report|State|Return|Name|Identify|Extract} the year{| of the date| in the date| in the text}.",
        "{Which|What} year is {it|named|mentioned}{| in the date| in the text}?",
        "{Tell me|Say} {which|what} year {it is|is named|is mentioned}{| in the date| in the text}.",
        "{Which|What} is the year{| of the date}?",
    ),
    descriptions=("Extract the year of a date.", "Find out which year a date names.", "Year of a date."),
)
DAY = Task(
    phrasings=(
        "{Find|Give|Report|State|Return|Name|Identify|Extract} the {day|day of the month}"
        "{| of the date| in the date| in the text}.",
        "{Which|What} day is {it|named|mentioned}{| in the date| in the text}?",
        "{Tell me|Say} {which|what} day {it is|is named|is mentioned}{| in the date| in the text}.",
        "{Which|What} is the {day|day of the month}{| of the date}?",
    ),
    descriptions=("Extract the day of a date.", "Find out which day of the month a date names.", "Day of a date."),
)
MONTH = Task(
    phrasings=(
        "{Find|Give|Report|State|Return|Name|Identify|Extract} the {month|name of the month}"
        "{| of the date| in the date| in the text}.",
        "{Which|What} month is {it|named|mentioned}{| in the date| in the text}?",
        "{Tell me|Say} {which|what} month {it is|is named|is mentioned}{| in the date| in the text}.",
        "{Which|What} is the {month|name of the month}{| of the date}?",
    ),
    descriptions=(
        "Extract the month of a date.",
        "Find out which month a date names.",
        "Month of a date.",
        "The English name of the month.",
    ),
)

KIND = Kind(name="date", draw=draw, labels=("Date", "Text", "Input"), tasks={"year": YEAR, "day": DAY, "month": MONTH})
