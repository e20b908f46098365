"""Messages of customers to a support desk."""

from __future__ import annotations

import random

from nano_training.answers import Item, label, number, text
from nano_training.entities import Entities
from nano_training.kinds.base import Kind, Task

# What the customer wants: by the first name of each class of the vocabulary.
INTENTS = {
    "refund": (
        "I want my money back for the {product}.",
        "Please refund the {product}.",
        "The {product} broke, I need a refund.",
        "I sent the {product} back and want a refund.",
    ),
    "delivery": (
        "When will the {product} arrive?",
        "The {product} was not delivered.",
        "Where is the package with the {product}?",
        "I still wait for the delivery of the {product}.",
    ),
    "password": (
        "I forgot the password for the {product}.",
        "My {product} does not accept my password.",
        "I cannot log in to my {product}.",
        "Please reset the login of my {product}.",
    ),
    "billing": (
        "The bill for the {product} is wrong.",
        "You charged me twice for the {product}.",
        "I need an invoice for the {product}.",
        "Why is the bill for my {product} so high?",
    ),
    "praise": (
        "Thank you, I love the {product}!",
        "The {product} is great, thanks!",
        "I am very happy with the {product}.",
        "Many thanks for the lovely {product}.",
    ),
}
URGENCIES = {
    "urgent": (
        "This is urgent.",
        "Please hurry.",
        "Please answer at once.",
        "Reply as soon as possible.",
        "I need an answer today.",
    ),
    "normal": (
        "There is no rush.",
        "Take your time.",
        "Answer whenever you can.",
        "This can wait.",
        "It is not important.",
    ),
}
ORDERS = ("My order is {order}.", "Order number {order}.", "Order {order}.", "It was order {order}.")
FORMS = (
    "Hello, I am {name}. {what} {which} {when}",
    "{what} {which} {when} {name}",
    "{when} {what} {which} Best wishes, {name}",
    "{which} {what} {when} Regards, {name}",
    "My name is {name}. {which} {what} {when}",
    "{name} here. {when} {which} {what}",
    "Dear team, {what} {when} {which} {name}",
)


def draw(rng: random.Random, entities: Entities) -> Item:
    """A message with an intent, an urgency and an order number from 1 to 999."""
    intent, urgency = rng.choice(tuple(INTENTS)), rng.choice(tuple(URGENCIES))
    product, name, order = rng.choice(entities.products), rng.choice(entities.names), rng.randrange(1, 1000)
    message = rng.choice(FORMS).format(
        name=name,
        what=rng.choice(INTENTS[intent]).format(product=product),
        which=rng.choice(ORDERS).format(order=order),
        when=rng.choice(URGENCIES[urgency]),
    )
    answers = {
        "intent": label("intent", intent),
        "urgency": label("urgency", urgency),
        "product": text(product),
        "person": text(name),
        "order": number(order),
    }
    return Item("message", message, answers)


INTENT = Task(
    phrasings=(
        "{Find|Give|Report|State|Return|Identify|Classify} the {intent|topic|subject}{| of the message| of the text}.",
        "{Which|What} is the {intent|topic|subject}{| of the message| of the text}?",
        "{Tell me|Say|Decide} {which|what} {intent|topic|subject} the {message|text} has.",
        "Classify the {message|text} by {intent|topic|subject}.",
    ),
    descriptions=("Classify the intent of a message.", "Find out what a customer wants.", "Topic of support messages."),
)
URGENCY = Task(
    phrasings=(
        "{Find|Give|Report|State|Return|Identify|Classify} the {urgency|priority}{| of the message| of the text}.",
        "{Which|What} is the {urgency|priority}{| of the message| of the text}?",
        "{Tell me|Say|Decide} {which|what} {urgency|priority} the {message|text} has.",
        "Classify the {message|text} by {urgency|priority}.",
        "How {urgent|pressing} is the {message|text}?",
    ),
    descriptions=(
        "Classify the urgency of a message.",
        "Find out how urgent a customer's message is.",
        "Priority of support messages.",
    ),
)
PRODUCT = Task(
    phrasings=(
        "{Find|Give|Report|State|Return|Name|Identify|Extract} the {product|thing}{| in the message| in the text}.",
        "{Which|What} {product|thing} is {named|mentioned}{| in the message| in the text}?",
        "{Tell me|Say} {which|what} {product|thing} is {named|mentioned}{| in the message}.",
    ),
    descriptions=(
        "Extract the product of a message.",
        "Find the product a customer writes about.",
        "Product in a message.",
    ),
)
PERSON = Task(
    phrasings=(
        "{Find|Give|Report|State|Return|Identify|Extract} the {person|name of the person|customer}"
        "{| in the message| in the text}.",
        "{Who|Which person|Which customer} is {named|mentioned}{| in the message| in the text}?",
        "{Tell me|Say} {who|which person|which customer} is {named|mentioned}{| in the message}.",
        "Who {wrote|sent} the {message|text}?",
    ),
    descriptions=("Extract the name of the customer.", "Find out who wrote a message.", "Person named in a message."),
)
ORDER = Task(
    phrasings=(
        "{Find|Give|Report|State|Return|Name|Identify|Extract} the {order|order number|number of the order}"
        "{| in the message| in the text}.",
        "{Which|What} {order|order number} is {named|mentioned}{| in the message| in the text}?",
        "{Tell me|Say} {which|what} {order|order number} is {named|mentioned}{| in the message}.",
    ),
    descriptions=(
        "Extract the order number.",
        "Find the number of the order in a message.",
        "Order number of a message.",
    ),
)

KIND = Kind(
    name="message",
    draw=draw,
    labels=("Message", "Text", "Input"),
    tasks={"intent": INTENT, "urgency": URGENCY, "product": PRODUCT, "person": PERSON, "order": ORDER},
)
