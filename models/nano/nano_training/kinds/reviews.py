"""Reviews: a person, a city, a product and two opinion words in one or two sentences."""

from __future__ import annotations

import random

from nano_training.answers import Item, label, listed, text
from nano_training.entities import BLAME, PRAISE, Entities
from nano_training.kinds.base import Kind, Task

# ``first`` always stands before ``second``, so that the two are in the order of the input.
FORMS = (
    "{name} said the {product} in {city} was {first} and {second}.",
    "The {product} {name} tried in {city} was {first}, really {second}.",
    "In {city}, {name} found the {product} {first} and quite {second}.",
    "What {a_first} {product}! {name} from {city} called it {second}.",
    "{name} went to {city} for the {product}. It was {first} and {second}.",
    "{a_first_upper} {product} in {city}, wrote {name}. So {second}.",
    "It was {a_first}, {second} {product}. {name}, {city}.",
    "Last week in {city} the {product} was {first}. {name} thought it was {second} too.",
    "I met {name} in {city}. The {product} was {first}, simply {second}.",
    "We shared {a_first} {product} with {name}. Simply {second} days in {city}.",
    "{name}, {city}: the {product} is {first} and {second}.",
    "My {product} from {city} is {first}, and {name} calls it {second}.",
    "A friend of {name} got {a_first} {product} in {city}. It is {second}.",
    "Such {a_first} and {second} {product}, says {name} from {city}.",
    "{city} has {a_first} {product}. For {name} it was even {second}.",
    "The {product} was {first}. It was also {second}. Greetings from {city}, {name}.",
    "If you ask {name}, the {product} in {city} is {first} and rather {second}.",
)


def draw(rng: random.Random, entities: Entities) -> Item:
    """A review whose two opinion words are both praise or both blame."""
    is_positive = rng.random() < 0.5
    first, second = rng.sample(PRAISE if is_positive else BLAME, 2)
    city, name, product = (rng.choice(words) for words in (entities.cities, entities.names, entities.products))
    a_first = f"{'an' if first[0] in 'aeiou' else 'a'} {first}"
    review = rng.choice(FORMS).format(
        name=name,
        city=city,
        product=product,
        first=first,
        second=second,
        a_first=a_first,
        a_first_upper=a_first.capitalize(),
    )
    answers = {
        "city": text(city),
        "person": text(name),
        "product": text(product),
        "sentiment": label("sentiment", "positive" if is_positive else "negative"),
        "adjectives": listed(first, second),
    }
    return Item("review", review, answers)


CITY = Task(
    phrasings=(
        "{Find|Give|Report|State|Return|Name|Identify|Extract} the {city|town}{| in the review| in the text}.",
        "{Which|What} {city|town} is {named|mentioned}{| in the review| in the text}?",
        "{Tell me|Say} {which|what} {city|town} is {named|mentioned}{| in the review}.",
        "{Where|In which city|In which town} did it {happen|take place}?",
    ),
    descriptions=(
        "Extract the city a review mentions.",
        "Find out which city a review is about.",
        "City extraction from reviews.",
        "The city named in a review.",
    ),
)
PERSON = Task(
    phrasings=(
        "{Find|Give|Report|State|Return|Name|Identify|Extract} the {person|name of the person}"
        "{| in the review| in the text}.",
        "{Who|Which person|What person} is {named|mentioned}{| in the review| in the text}?",
        "{Tell me|Say} {who|which person} is {named|mentioned}{| in the review}.",
    ),
    descriptions=(
        "Extract the person a review mentions.",
        "Find out who is named in a review.",
        "Name extraction from reviews.",
        "The person named in a review.",
    ),
)
PRODUCT = Task(
    phrasings=(
        "{Find|Give|Report|State|Return|Name|Identify|Extract} the {product|thing|reviewed product}"
        "{| in the review| in the text}.",
        "{Which|What} {product|thing} is {reviewed|judged}{| in the review| in the text}?",
        "{Tell me|Say} {which|what} {product|thing} is {reviewed|judged}{| in the review}.",
        "{What|Which product|Which thing} is the {review|text} about?",
    ),
    descriptions=(
        "Extract the product a review is about.",
        "Find out what was reviewed.",
        "Product extraction from reviews.",
        "The thing that a review judges.",
    ),
)
SENTIMENT = Task(
    phrasings=(
        "{Find|Give|Report|State|Return|Identify|Classify|Judge} the {sentiment|mood|tone}"
        "{| of the review| of the text}.",
        "{Which|What} {sentiment|mood|tone} does the {review|text} {have|show}?",
        "{Tell me|Say|Decide} {which|what} {sentiment|mood|tone} the {review|text} has.",
        "{Classify|Judge} the {review|text} by {sentiment|mood|tone}.",
    ),
    descriptions=(
        "Classify the sentiment of a review.",
        "Find out if a review is positive or negative.",
        "Sentiment of reviews.",
        "The mood of a review.",
    ),
)
ADJECTIVES = Task(
    phrasings=(
        "{Find|Give|Report|State|Return|Identify|Extract} the {|two }{adjectives|opinion words}"
        "{| in the review| in the text}.",
        "{Which|What} {adjectives|opinion words} {are used|are there}{| in the review| in the text}?",
        "{Tell me|Say} {which|what} {adjectives|opinion words} are {used|there}{| in the review}.",
    ),
    descriptions=(
        "Extract the adjectives of a review.",
        "Find the two opinion words in a review.",
        "Opinion words of reviews.",
        "The adjectives with which a review judges.",
    ),
)

KIND = Kind(
    name="review",
    draw=draw,
    labels=("Review", "Text", "Input"),
    tasks={"city": CITY, "person": PERSON, "product": PRODUCT, "sentiment": SENTIMENT, "adjectives": ADJECTIVES},
)
