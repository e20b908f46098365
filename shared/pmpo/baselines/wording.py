"""The rivals' meta-prompts in our own words. Each says what the paper's says; none quotes it.

Every one ends by asking for the prompt between ``<prompt>`` and ``</prompt>``, as ours do, and names what must stay.
"""

from __future__ import annotations

from collections.abc import Sequence

from pmpo.optim.types import Example, Message

_INTO_TAGS = "Write only that instruction, between <prompt> and </prompt>."


def induction(demonstrations: Sequence[Example], task: str, keep: Sequence[str]) -> tuple[Message, ...]:
    """APE, section 3.1 (forward generation): infer the instruction from inputs and outputs."""
    return _talk(
        "You find out which instruction was followed.",
        [
            "Somebody was given one instruction and, following it, wrote these outputs for these inputs.",
            *map(_shown, demonstrations),
            _about(task),
            "What was the instruction? It has to work for new inputs of the same kind, so do not quote these.",
        ],
        keep,
    )


def variation(prompt: str, keep: Sequence[str]) -> tuple[Message, ...]:
    """APE, section 3.3 (iterative Monte Carlo search); EvoPrompt's paraphrases of its first population."""
    return _talk(
        "You reword instructions.",
        ["Say the following instruction in other words, with the same meaning.", _tagged("instruction", prompt)],
        keep,
    )


def trajectory(
    scored: Sequence[tuple[str, str]], exemplars: Sequence[Example], task: str, keep: Sequence[str]
) -> tuple[Message, ...]:
    """OPRO, section 2.2: earlier instructions with their scores, worst first, and the problem by a few examples."""
    earlier = [f"{_tagged('instruction', prompt)}\nScore: {score}" for prompt, score in scored]
    return _talk(
        "You are an optimizer that searches for better instructions.",
        [
            "These instructions were tried. Scores go from 0 to 100, higher is better; the best stands last.",
            *earlier,
            _about(task),
            "An instruction stands before inputs like these and has to lead to these outputs.",
            *map(_shown, exemplars),
            "Find an instruction that differs from all of those above and scores higher than any of them.",
        ],
        keep,
    )


def crossover(first: str, second: str, keep: Sequence[str]) -> tuple[Message, ...]:
    """EvoPrompt, section 3.2 (GA): cross two parents, then mutate the child."""
    return _talk(
        "You breed better instructions from good ones.",
        [
            "Do two steps, and write both out.",
            "Step 1: cross parent A with parent B into one child that takes something from each.",
            "Step 2: change the child: reword it or alter a detail, and keep the purpose.",
            _tagged("A", first),
            _tagged("B", second),
            "The result of step 2 is the instruction that is wanted.",
        ],
        keep,
    )


def difference(current: str, donors: tuple[str, str], best: str, keep: Sequence[str]) -> tuple[Message, ...]:
    """EvoPrompt, section 3.3 (DE): mutate what two donors differ in, put it into the best, cross with the current."""
    return _talk(
        "You breed better instructions from good ones.",
        [
            "Do four steps, and write all of them out.",
            "Step 1: find the parts in which A and B differ.",
            "Step 2: change these parts at random into something new.",
            "Step 3: replace parts of the best instruction by them where they fit.",
            "Step 4: cross the outcome with the current instruction into one that takes something from each.",
            _tagged("A", donors[0]),
            _tagged("B", donors[1]),
            _tagged("best", best),
            _tagged("current", current),
            "The result of step 4 is the instruction that is wanted.",
        ],
        keep,
    )


def _talk(system: str, parts: Sequence[str], keep: Sequence[str]) -> tuple[Message, ...]:
    kept = f"It must contain, letter by letter: {', '.join(keep)}" if keep else ""
    body = "\n\n".join(part for part in (*parts, kept, _INTO_TAGS) if part)
    return (Message("system", system), Message("user", body))


def _about(task: str) -> str:
    return f"The task: {task}" if task else ""


def _shown(example: Example) -> str:
    return f"Input: {example.input}\nOutput: {example.target}"


def _tagged(name: str, prompt: str) -> str:
    return f"<{name}>\n{prompt}\n</{name}>"
