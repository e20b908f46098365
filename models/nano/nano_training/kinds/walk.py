"""Walks over a grid, with or without turns: does one return to the start?"""

from __future__ import annotations

import random
from collections.abc import Sequence

from nano_training.answers import Item, label, number
from nano_training.entities import Entities
from nano_training.kinds.base import Kind, Task

QUESTION = "If you follow these instructions, do you return to the starting point?"
OPTIONS = "\nOptions:\n- Yes\n- No"
WAYS = {"forward": "F", "backward": "B", "left": "L", "right": "R"}
CLOCKWISE = "FRBL"
TURNS = {"right": 1, "around": 2, "left": 3}

# How many moves: (number, weight).
_FACING_SIZES = ((2, 12), (3, 31), (4, 28), (5, 15), (6, 16), (7, 8), (8, 9), (9, 3))
_TURNING_SIZES = ((3, 13), (4, 27), (5, 26), (6, 16), (7, 24), (8, 15), (9, 7))

# A move is ("take", F, B, L or R) or (a key of TURNS, the side faced after it).
Move = tuple[str, str]


def draw(rng: random.Random, entities: Entities) -> Item:
    """A walk; half of them return to the start, and half of the others miss it by little."""
    turning = rng.random() < 0.5
    returns, near = rng.random() < 0.5, rng.random() < 0.5
    size = _size(rng, _TURNING_SIZES if turning else _FACING_SIZES)
    while True:
        moves = _turning_moves(rng, size) if turning else [("take", rng.choice("FBLR")) for _ in range(size)]
        counts = _closing_counts(rng, moves) if returns or near else [rng.randint(1, 10) for _ in _ways(moves)]
        if counts and not returns and near:
            index = rng.randrange(len(counts))
            counts[index] = min(10, max(1, counts[index] + rng.choice((-2, -1, 1, 2))))
        if counts and _is_closed(_ways(moves), counts) == returns:
            return _item(moves, counts, turning=turning)


def _item(moves: Sequence[Move], counts: Sequence[int], *, turning: bool) -> Item:
    sentences, steps = [], ["start F F0 B0 L0 R0." if turning else "start F0 B0 L0 R0."]
    tally, left = dict.fromkeys("FBLR", 0), list(counts)
    for name, way in moves:
        if name == "take":
            count = left.pop(0)
            tally[way] += count
            unit = "step" if count == 1 else "steps"
            direction = "" if turning else " " + next(word for word, letter in WAYS.items() if letter == way)
            sentences.append(f"Take {count} {unit}{direction}.")
            did = f"{count} {unit}" if turning else f"{count}{direction}"
        else:
            sentences.append(f"Turn {name}.")
            did = f"turn {name}"
        state = " ".join(f"{letter}{total}" for letter, total in tally.items())
        steps.append(f"{did}: {way} {state}." if turning else f"{did}: {state}.")
    start = "" if turning else "Always face forward. "
    verdicts = [_compare(tally, one, other) for one, other in ("FB", "LR")]
    returns = tally["F"] == tally["B"] and tally["L"] == tally["R"]
    answers = {
        "return": label("yes_no", "Yes" if returns else "No", steps=" ".join(steps + verdicts)),
        "first": number(counts[0]),
        "moves": number(len(counts)),
        "last_steps": number(counts[-1]),
    }
    return Item("walk", f"{QUESTION} {start}{' '.join(sentences)}{OPTIONS}", answers)


def _compare(tally: dict[str, int], one: str, other: str) -> str:
    verdict = "same" if tally[one] == tally[other] else "different"
    return f"{one}{tally[one]} {other}{tally[other]} {verdict}."


def _ways(moves: Sequence[Move]) -> list[str]:
    return [way for name, way in moves if name == "take"]


def _turning_moves(rng: random.Random, size: int) -> list[Move]:
    """At least one of them takes steps."""
    rate = rng.choice((0.25, 0.4, 0.5))
    while True:
        moves: list[Move] = []
        facing = "F"
        for _ in range(size):
            if rng.random() < rate:
                turn = rng.choices(tuple(TURNS), (64, 116, 82))[0]
                facing = CLOCKWISE[(CLOCKWISE.index(facing) + TURNS[turn]) % 4]
                moves.append((turn, facing))
            else:
                moves.append(("take", facing))
        if _ways(moves):
            return moves


def _size(rng: random.Random, sizes: Sequence[tuple[int, int]]) -> int:
    return rng.choices([size for size, _ in sizes], [weight for _, weight in sizes])[0]


def _closing_counts(rng: random.Random, moves: Sequence[Move]) -> list[int]:
    """Numbers of steps that lead back to the start; [] where none was found."""
    ways = _ways(moves)
    if any((one in ways) != (other in ways) for one, other in ("FB", "LR")):
        return []
    for _ in range(60):
        counts = [rng.randint(1, 10) for _ in ways]
        for pair in ("FB", "LR"):
            _close_axis(rng, ways, counts, pair)
        if _is_closed(ways, counts):
            return counts
    return []


def _close_axis(rng: random.Random, ways: Sequence[str], counts: list[int], pair: str) -> None:
    """Changes one number of steps along an axis in place so that the axis closes, where 1 to 10 steps can do it."""
    places = [index for index, way in enumerate(ways) if way in pair]
    if not places:
        return
    chosen = rng.choice(places)
    signed = sum(
        count if way == ways[chosen] else -count for way, count in zip(ways, counts, strict=True) if way in pair
    )
    wanted = counts[chosen] - signed
    if 1 <= wanted <= 10:
        counts[chosen] = wanted


def _is_closed(ways: Sequence[str], counts: Sequence[int]) -> bool:
    totals = dict.fromkeys("FBLR", 0)
    for way, count in zip(ways, counts, strict=True):
        totals[way] += count
    return totals["F"] == totals["B"] and totals["L"] == totals["R"]


KIND = Kind(
    name="walk",
    draw=draw,
    labels=("Question", "Input", "Instructions", "Walk"),
    tasks={
        "return": Task(
            phrasings=(
                "{Decide|State|Check} {if|whether} the {walk|path|route} {ends where it began|returns to the start}.",
                "{Follow the moves|Walk the path} and {say|decide} if you {return to the start|end where you began}.",
                "Does the {walk|path|route} {return to the start|end where it began|lead back to the start}?",
                "Do the {moves|instructions} lead back to the {start|starting point}?",
            ),
            descriptions=(
                "Decide whether a person who follows the moves comes back to where they began.",
                "Work out if the walk ends at its start.",
                "Follow the moves and check if the end is the start.",
            ),
        ),
        "first": Task(
            phrasings=(
                "{Find|Give|Report|State|Return|Name} the {first number of steps|number of steps in the first Take}.",
                "{Find|Give|Report|State|Return} {how many|the number of} steps {the first Take has|are taken first}.",
                "How many steps {does the first Take have|are taken first|come first}?",
            ),
            descriptions=(
                "Return the first number of steps in the walk.",
                "Tell how many steps are taken first.",
                "Take the number of steps from the first sentence with Take.",
            ),
        ),
        "moves": Task(
            phrasings=(
                "{Count|Find|Report|State|Tell} how many {moves|sentences|instructions} {take steps|start with Take}.",
                "{Count|State|Report|Find} how often steps are taken{| in the walk}.",
                "How many {moves|sentences|instructions} {take steps|start with Take}?",
            ),
            descriptions=(
                "Count the instructions that take steps; turns do not count.",
                "Report how many sentences start with Take.",
                "Find out how often steps are taken in the walk.",
            ),
        ),
        "last_steps": Task(
            phrasings=(
                "{Find|Give|Report|State|Return|Name} the {last number of steps|number of steps in the last Take}.",
                "{Find|Give|Report|State|Return} {how many|the number of} steps {the last Take has|are taken last}.",
                "How many steps {does the last Take have|are taken last|come last}?",
            ),
            descriptions=(
                "Return the last number of steps in the walk.",
                "Tell how many steps are taken last.",
                "Take the number of steps from the last sentence with Take.",
            ),
        ),
    },
)
