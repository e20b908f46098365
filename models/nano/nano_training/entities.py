"""The words that generated inputs are made of."""

from __future__ import annotations

CITIES = tuple(
    "Paris London Tokyo Berlin Madrid Rome Oslo Cairo Lima Delhi Boston Dublin Vienna Prague Lisbon Athens Warsaw "
    "Moscow Sydney Toronto Chicago Seattle Dallas Denver Miami Havana Bogota Quito Nairobi Lagos Accra Tunis Mumbai "
    "Seoul Osaka Hanoi Bangkok Manila Jakarta Geneva Zurich Milan Naples Munich".split()
)

NAMES = tuple(
    "Alice Bob Carol David Emma Frank Grace Henry Irene Jack Karen Leo Maria Nick Olga Paul Rosa Sam Tina Victor "
    "Wendy Xavier Yvonne Zoe Adam Bella Chris Diana Eric Fiona George Hannah Ivan Julia Kevin Laura Martin Nora "
    "Oscar Peter Quinn Robert Sarah Thomas Ursula Vera Walter Amy".split()
)

PRODUCTS = tuple(
    "movie book meal hotel show song game phone concert museum coffee laptop jacket restaurant train tour "
    "camera pizza watch sofa".split()
)

PRAISE = tuple(
    "great wonderful excellent amazing lovely delightful brilliant superb fantastic charming perfect enjoyable".split()
)

BLAME = tuple("terrible awful boring horrible dreadful poor disappointing dull bad annoying shabby unpleasant".split())

CATEGORIES: dict[str, tuple[str, ...]] = {
    "animal": tuple(
        "cat dog horse rabbit tiger lion bear wolf fox mouse cow pig sheep goat duck frog snake whale".split()
    ),
    "fruit": tuple("apple banana cherry grape lemon mango orange peach pear plum melon kiwi fig strawberry".split()),
    "tool": tuple("hammer saw drill wrench ladder shovel rake axe chisel pliers".split()),
    "vegetable": tuple("carrot potato onion garlic celery cabbage lettuce broccoli cauliflower yam".split()),
    "instrument": tuple("piano flute trumpet violin drum clarinet accordion trombone guitar harp".split()),
    "vehicle": tuple("car truck bus boat plane bicycle tram ship van taxi".split()),
}

PLAIN_WORDS = tuple(
    "river stone cloud window garden letter market winter summer bridge candle mirror forest island pocket rocket "
    "silver golden yellow purple shadow thunder feather blanket kitchen basket button castle dragon engine".split()
)

WORDS = tuple(word for words in CATEGORIES.values() for word in words) + PLAIN_WORDS

REVIEW_FORMS = (
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
)
