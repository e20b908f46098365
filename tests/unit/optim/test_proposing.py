"""Proposing: requests, reading answers, and the guard rail."""

from pmpo.optim.proposing import GuardRail, derived_seed, rewrite_requests
from pmpo.optim.rewrite import MetaPrompt
from pmpo.optim.spec import SearchSpec
from pmpo.optim.types import Example

META = MetaPrompt("Improve.", "{{prompt}} | {{input}} -> {{target}} | {{keep}}")
TRAIN = (Example(0, "the red house of paris", ("paris",)), Example(1, "a dog", ("dog",)))


def spec(**changes):
    return SearchSpec(**{"prompt": "Do it: {{input}} {{input}}", "rewrite_meta": META, "variants": 2, **changes})


def test_each_hard_example_gets_its_own_request_and_seed():
    first, second = rewrite_requests(spec(), "P {{input}}", (), TRAIN, 5)
    assert "the red house of paris -> paris" in first.messages[1].content
    assert "a dog -> dog" in second.messages[1].content
    assert first.seed != second.seed
    assert first.num_samples == 2


def test_placeholders_and_protected_texts_are_named_as_what_to_keep():
    (request, _) = rewrite_requests(spec(protected=("Be kind.",)), "P", (), TRAIN, 1)
    assert request.messages[1].content.endswith("| {{input}}, Be kind.")


def test_seeds_depend_on_job_call_and_position():
    seeds = {derived_seed(job, call, position) for job in range(5) for call in range(5) for position in range(5)}
    assert len(seeds) == 125
    assert all(0 <= seed < 2**31 for seed in seeds)


def test_the_rail_names_the_reason_and_lets_each_prompt_through_once():
    rail = GuardRail(spec(), TRAIN)
    good = "Say {{input}} and {{input}}."
    verdicts = [
        rail.judge(0, "raw", None, 0),
        rail.judge(0, "raw", "Say {{input}}.", 5),
        rail.judge(0, "raw", "The red house of Paris {{input}} {{input}}", 5),
        rail.judge(0, "raw", good, 10_000),
        rail.judge(0, "raw", good, 5),
        rail.judge(1, "raw", good.upper().replace("INPUT", "input"), 5),
        rail.judge(1, "raw", spec().prompt, 5),
    ]
    reasons = [verdict.rejection.reason if verdict.rejection else None for verdict in verdicts]
    assert reasons == ["unparseable", "placeholders", "copies_data", "too_long", None, "duplicate", "duplicate"]
    assert verdicts[0].text == "raw"
    assert verdicts[4].text == good
