"""Label vocabularies: the same classes under different names, each list in one order."""

from __future__ import annotations

VOCABULARIES: dict[str, tuple[tuple[str, ...], ...]] = {
    "sentiment": (
        ("positive", "negative"),
        ("good", "bad"),
        ("happy", "unhappy"),
        ("plus", "minus"),
        ("1", "0"),
        ("praise", "complaint"),
    ),
    "yes_no": (("Yes", "No"), ("True", "False"), ("Y", "N"), ("1", "0"), ("right", "wrong"), ("ja", "nein")),
    "truth": (("True", "False"), ("Yes", "No"), ("T", "F"), ("1", "0"), ("right", "wrong")),
    "category": (
        ("animal", "fruit", "tool", "vegetable", "instrument", "vehicle", "other"),
        ("A", "F", "T", "V", "I", "C", "O"),
        ("Tier", "Obst", "Werkzeug", "Gemuese", "Musik", "Fahrzeug", "anderes"),
    ),
    "direction": (("forward", "backward", "left", "right"), ("north", "south", "west", "east"), ("F", "B", "L", "R")),
    "intent": (
        ("refund", "delivery", "password", "billing", "praise"),
        ("R1", "D1", "P1", "B1", "N1"),
        ("money", "shipping", "login", "invoice", "thanks"),
    ),
    "urgency": (("urgent", "normal"), ("high", "low"), ("now", "later"), ("1", "2"), ("red", "green")),
}
