"""The other sentences of prompts (formats, roles, filler, vague requests), and which phrasings training never sees."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from nano_training.inputs import KINDS, REPEAT
from nano_training.task_phrasings import REPEAT_PHRASINGS, TASK_PHRASINGS

_Key = TypeVar("_Key", str, tuple[str, str])
_Lists = dict[_Key, tuple[str, ...]]

PHRASING_SEED = 0
HELD_OUT_SHARE = 0.2

FORMAT_PHRASINGS: dict[str, tuple[str, ...]] = {
    "plain": (
        "Give only the answer.",
        "Reply with the answer alone.",
        "Output just the answer.",
        "Write nothing but the answer.",
        "No other text.",
        "Reply with the bare answer.",
        "Return the answer and nothing else.",
        "Add no explanation or format.",
    ),
    "answer": (
        "Start your reply with 'Answer:'.",
        "Begin the output with the word Answer and a colon.",
        "Prefix the reply with Answer:.",
        "Put 'Answer:' before the answer.",
        "Use the form 'Answer: ...'.",
        "Write Answer: and then the answer.",
        "The reply begins with Answer:.",
        "Lead with 'Answer:'.",
    ),
    "brackets": (
        "Put the answer in square brackets.",
        "Wrap the reply in [ ].",
        "Enclose the answer with square brackets.",
        "Reply in [ ].",
        "Use square brackets around the answer.",
        "Write the answer between [ and ].",
        "The output stands in square brackets.",
        "Surround it with [ ].",
    ),
    "json": (
        "Reply as JSON with the key answer.",
        "Return a JSON object with an answer field.",
        "Output JSON: the key is answer.",
        "Use a JSON object with one key, answer.",
        "Write the result as JSON under answer.",
        "Respond in JSON with the field answer.",
        "The output is JSON with an answer key.",
        "Format the reply as JSON.",
    ),
    "sentence": (
        "Answer in a full sentence.",
        "Reply with a complete sentence.",
        "Write the answer as a sentence.",
        "Use a whole sentence.",
        "Say 'The answer is ...'.",
        "Respond with a full sentence.",
        "The reply is a complete sentence.",
        "Put it in a sentence.",
    ),
    "quotes": (
        "Put the answer in double quotes.",
        "Wrap the reply in quotation marks.",
        "Enclose the answer with double quotes.",
        "Use quotation marks around the answer.",
        "Write the answer between quotes.",
        "Quote the answer.",
        "The output stands in quotation marks.",
        "Surround it with quotes.",
    ),
    "bold": (
        "Write the answer in bold.",
        "Make the reply bold.",
        "Put two asterisks on each side of the answer.",
        "Use bold type for the answer.",
        "Wrap the reply in ** **.",
        "Format the answer in bold.",
        "The output is bold.",
        "Mark the answer with **.",
    ),
}

ROLES = (
    "You are a helpful assistant.",
    "You are an expert.",
    "You are a careful analyst.",
    "You are a precise assistant.",
    "Act as a teacher.",
    "You are a patient editor.",
    "You are a data clerk.",
    "You work as a reader.",
    "Act as an expert reader.",
    "You are a reliable assistant.",
)

FILLERS = (
    "Please be kind.",
    "Take your time.",
    "The user is in a hurry.",
    "Think about it carefully.",
    "This is very important.",
    "Thank you for your help.",
    "Be brief.",
    "Do your best.",
    "Our company values quality.",
    "The sky is blue today.",
    "We appreciate your work.",
    "Stay calm.",
    "Remember to be polite.",
    "Many people rely on this.",
    "Work with care.",
    "There is no rush.",
    "Accuracy matters to us.",
    "You can do this.",
    "Read everything twice.",
    "Keep a friendly tone.",
    "It is a sunny morning.",
    "The team is watching.",
    "Please help.",
    "Make us proud.",
    "Mistakes are costly.",
    "Our office is in a tall building.",
    "Coffee is ready.",
    "Be professional.",
    "Use your knowledge.",
    "We count on you.",
    "Quality comes first.",
    "Let us begin.",
    "The weather is nice.",
    "Focus on the text.",
    "Good luck.",
    "Never give up.",
    "The deadline is near.",
    "Be honest.",
)

VAGUE = (
    "Process the input.",
    "Handle the request.",
    "Do the task.",
    "Look at the text and respond.",
    "Help the user with the text.",
    "Respond to the message.",
    "Reply to this.",
    "Complete the job.",
    "Work on the following.",
    "Deal with the text.",
    "Give a suitable reply.",
    "Do what is needed.",
)


@dataclass(frozen=True, slots=True)
class Phrasings:
    """The sentences that a generator may use for tasks and formats."""

    tasks: Mapping[tuple[str, str], tuple[str, ...]]
    formats: Mapping[str, tuple[str, ...]]


def split_phrasings(seed: int = PHRASING_SEED) -> tuple[Phrasings, Phrasings]:
    """The phrasings of training and the held-out ones: of each list about a fifth (at least one) is held out."""
    train_tasks, held_tasks = _split(TASK_PHRASINGS, seed)
    train_formats, held_formats = _split(FORMAT_PHRASINGS, seed)
    repeats = {(kind, REPEAT): REPEAT_PHRASINGS for kind in KINDS}
    return Phrasings(train_tasks | repeats, train_formats), Phrasings(held_tasks | repeats, held_formats)


def _split(lists: Mapping[_Key, tuple[str, ...]], seed: int) -> tuple[_Lists[_Key], _Lists[_Key]]:
    train: _Lists[_Key] = {}
    held: _Lists[_Key] = {}
    for key, sentences in lists.items():
        shuffled = list(sentences)
        random.Random(f"{seed}:{key}").shuffle(shuffled)
        num_held = max(1, round(HELD_OUT_SHARE * len(shuffled)))
        held[key], train[key] = tuple(shuffled[:num_held]), tuple(shuffled[num_held:])
    return train, held
