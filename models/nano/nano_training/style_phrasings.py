"""How prompts ask for each value of each dimension of a style (patterns of ``grammar``)."""

from __future__ import annotations

from collections.abc import Mapping

from nano_training.labels import VOCABULARIES

_PUT = "{Put|Write|Give|Place}"
_REPLY = "{answer|reply|result|output}"
_AROUND = "{Wrap|Enclose|Surround} the {answer|reply|result|output} {in|with}"

STYLE_PHRASINGS: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("case", "lower"): (
        f"{_PUT} the {_REPLY} in {{lower case|lowercase|small letters|lowercase letters}}.",
        "Use {only |}{lower case|lowercase letters|small letters}{| for the answer}.",
        "The {answer|reply|result|output} is in {lower case|lowercase|small letters}.",
    ),
    ("case", "upper"): (
        f"{_PUT} the {_REPLY} in {{capital letters|upper case|uppercase|capitals|uppercase letters}}.",
        "Use {only |}{upper case|capital letters|capitals|uppercase letters}{| for the answer}.",
        "The {answer|reply|result|output} is in {upper case|capital letters|capitals|uppercase}.",
    ),
    ("case", "capital"): (
        "{Start|Begin} {the answer|each word|every word} with a {capital|capital letter|big letter}.",
        "{Capitalize|Capitalise} {the answer|each word|every word|the first letter}.",
        f"{_PUT} the {_REPLY} with {{a first capital|an initial capital|a leading capital}}.",
    ),
    ("number", "words"): (
        f"{_PUT} {{the number|numbers|it}} in {{words|English words|letters, not digits}}.",
        "{Spell out|Spell} {the number|numbers}{| in words| in English}.",
        "Use {words|number words|English words} {instead of|and not|rather than} digits.",
    ),
    ("number", "padded"): (
        f"{_PUT} {{the number|numbers|it}} with {{three digits|leading zeros|zeros in front}}.",
        "{Pad|Fill} {the number|numbers} {to three digits|with leading zeros|with zeros}.",
        "Use {three digits|leading zeros}{| for the number| for numbers}.",
    ),
    ("number", "decimal"): (
        f"{_PUT} {{the number|numbers|it}} with {{one decimal|one decimal place|a decimal point}}.",
        "Use {one decimal|one decimal place|a decimal point}{| for the number| for numbers}.",
        "{Add|Show} {one decimal|one decimal place}{| of the number}.",
    ),
    ("order", "reversed"): (
        "{List|Give|Write|Put} {them|the items|the entries} in {reverse order|reversed order|backward order}.",
        "{Reverse|Turn around} {the order|the list|the order of the items}.",
        "{Go|Work|Start} from the {last|final} {item|entry} to the first.",
    ),
    ("order", "sorted"): (
        "{List|Give|Write|Put} {them|the items|the entries} in {sorted order|rising order|ascending order}.",
        "{Sort|Order} {them|the items|the entries}{| from low to high| by rising order}.",
        "Use {sorted|rising|ascending} order{| for the items| for the list}.",
    ),
    ("separator", "semicolon"): (
        "{Separate|Divide|Split} {them|the items|the entries} {with|by} {semicolons|a semicolon}.",
        "{Use|Put|Write} {a semicolon|semicolons} between {them|the items|the entries}.",
    ),
    ("separator", "bar"): (
        "{Separate|Divide|Split} {them|the items|the entries} {with|by} {vertical bars|a vertical bar|bars}.",
        "{Use|Put|Write} {a vertical bar|vertical bars|bars} between {them|the items|the entries}.",
    ),
    ("separator", "and"): (
        "{Join|Connect|Link} {them|the items|the entries} {with|by} {the word and|'and'}.",
        "{Use|Put|Write} {the word and|'and'} between {them|the items|the entries}.",
    ),
    ("separator", "slash"): (
        "{Separate|Divide|Split} {them|the items|the entries} {with|by} {slashes|a slash}.",
        "{Use|Put|Write} {a slash|slashes} between {them|the items|the entries}.",
    ),
    ("separator", "plus"): (
        "{Join|Connect|Link} {them|the items|the entries} {with|by} {plus signs|a plus sign}.",
        "{Use|Put|Write} {a plus sign|plus signs} between {them|the items|the entries}.",
    ),
    ("separator", "lines"): (
        f"{_PUT} {{each item|every item|each entry|every entry}} on {{its own line|a new line|a separate line}}.",
        "{Separate|Divide|Split} {them|the items|the entries} {with|by} {line breaks|new lines}.",
        "Use one line {for each|per} {item|entry}.",
    ),
    ("option", "bare"): (
        "{Give|Write|Use} {only the letter|the bare letter|the letter alone}{| of the option}{| without parentheses}.",
        "{Name|State} the letter {without parentheses|alone|and nothing else}.",
    ),
    ("option", "numbered"): (
        "{Give|Write|Use|State} the {number|position|place} of the {option|choice}{| in the list}.",
        "Count the {options|choices} and {give|write|use} the {number|position}.",
    ),
    ("option", "text"): (
        "{Give|Write|Use|State} the {text|words|content} of the {option|choice}{|, not the letter}.",
        "{Copy|Quote} the {text|words} of the {option|choice}{| instead of the letter}.",
    ),
    ("wrap", "brackets"): (
        f"{_AROUND} {{square brackets|[ ]}}.",
        f"{_PUT} the {_REPLY} {{in|inside|between}} {{square brackets|[ ]}}.",
        "Use square brackets{| around the answer| around it}.",
    ),
    ("wrap", "parentheses"): (
        f"{_AROUND} {{parentheses|round brackets|( )}}.",
        f"{_PUT} the {_REPLY} {{in|inside|between}} {{parentheses|round brackets}}.",
        "Use {parentheses|round brackets}{| around the answer| around it}.",
    ),
    ("wrap", "quotes"): (
        f"{_AROUND} {{double quotes|quotation marks|quotes}}.",
        f"{_PUT} the {_REPLY} {{in|inside|between}} {{double quotes|quotation marks|quotes}}.",
        "Use {double quotes|quotation marks}{| around the answer| around it}.",
    ),
    ("wrap", "bold"): (
        f"{_AROUND} {{double asterisks|two asterisks|** **}}.",
        f"{_PUT} the {_REPLY} in {{bold|bold type|bold face}}.",
        "{Use|Choose} bold {type|face}{| for the answer| for it}.",
        "Make the {answer|reply|result|output} bold.",
    ),
    ("wrap", "json"): (
        f"{_PUT} the {_REPLY} {{in|as}} {{JSON|a JSON object}}{{| with the key answer| with one key, answer}}.",
        "{Return|Use} {JSON|a JSON object}{| with the key answer| with one key, answer}.",
    ),
    ("wrap", "tag"): (
        f"{_AROUND} {{answer tags|<answer> tags|an answer tag}}.",
        f"{_PUT} the {_REPLY} {{in|inside|between}} {{answer tags|<answer> tags}}.",
        "Use {answer tags|<answer> tags}{| around the answer| around it}.",
    ),
    ("prefix", "answer"): (
        "{Start|Begin|Open} {the reply|your reply|the output|it} with {'Answer:'|the word Answer and a colon}.",
        "{Put|Write|Place} {'Answer:'|Answer and a colon} {before|in front of} {it|the result|the rest}.",
        "{Prefix|Lead} {it|the reply|the output} with 'Answer:'.",
    ),
    ("prefix", "result"): (
        "{Start|Begin|Open} {the reply|your reply|the output|it} with {'Result:'|the word Result and a colon}.",
        "{Put|Write|Place} {'Result:'|Result and a colon} {before|in front of} {it|the answer|the rest}.",
        "{Prefix|Lead} {it|the reply|the output} with 'Result:'.",
    ),
    ("prefix", "sentence"): (
        "{Start|Begin|Open} {the reply|your reply|the output|it} with 'The answer is'.",
        "{Answer|Reply|Respond} in a {full|complete|whole} sentence.",
        "{Put|Write|Place} 'The answer is' {before|in front of} {it|the result|the rest}.",
        "{Say|Write|Use} 'The answer is ...'.",
    ),
    ("prefix", "arrow"): (
        "{Start|Begin|Open} {the reply|your reply|the output|it} with {an arrow|'=>'}.",
        "{Put|Write|Place} {an arrow|'=>'} {before|in front of} {it|the answer|the result|the rest}.",
        "{Prefix|Lead} {it|the reply|the output} with {an arrow|'=>'}.",
    ),
    ("prefix", "polite"): (
        "{Be polite and start|Start politely|Be polite and begin|Begin politely}{| with 'With pleasure:'}.",
        "{Start|Begin|Open} {the reply|your reply|the output|it} with 'With pleasure:'.",
        "{Put|Write|Place} 'With pleasure:' {before|in front of} {it|the answer|the result|the rest}.",
    ),
    ("suffix", "period"): (
        "{End|Close|Finish} {the reply|your reply|the output|it} with a {period|full stop}.",
        "{Put|Write|Place|Add} a {period|full stop} {at the end|after it|after the answer|after the result}.",
    ),
    ("suffix", "exclamation"): (
        "{End|Close|Finish} {the reply|your reply|the output|it} with {an exclamation mark|'!'}.",
        "{Put|Write|Place|Add} an exclamation mark {at the end|after it|after the answer|after the result}.",
    ),
    ("suffix", "end"): (
        "{End|Close|Finish} {the reply|your reply|the output|it} with {the word END|'END'}.",
        "{Put|Write|Place|Add} {the word END|'END'} {at the end|after it|after the answer|after the result}.",
    ),
    ("suffix", "thanks"): (
        "{End|Close|Finish} {the reply|your reply|the output|it} with {thanks|'Thank you.'|a thank you}.",
        "{Put|Write|Place|Add} {thanks|'Thank you.'} {at the end|after it|after the answer|after the result}.",
        "{Thank|Say thank you to} the {user|reader} {at the end|after the answer}.",
    ),
    ("steps", "steps"): (
        "{Think|Work|Go} step by step{| first| and show it}.",
        "{Show|Write|Give} {the steps|your steps|the working|your working}{| first| before the answer}.",
        "{Work it out|Solve it} in steps{| first| before the answer}.",
    ),
}

PLAIN_PATTERNS = (
    "{Give|Write|Return|Output} {only|just} the {answer|result}.",
    "{Add|Write|Give} {nothing else|no other text|no explanation}.",
    "{Reply|Answer} with the {answer|result} {alone|only}.",
)
_LABEL_PATTERNS = (
    "{{Use|Take|Choose}} the {{labels|names|words}} {labels}.",
    "{{Label|Name|Call}} {{it|the classes|the result}} {labels}.",
    "The {{labels|names|classes}} are {labels}.",
)


def label_patterns(value: str) -> tuple[str, ...]:
    """The patterns that ask for the label names of ``vocabulary:place``."""
    vocabulary, place = value.split(":")
    names = VOCABULARIES[vocabulary][int(place)]
    shown = f"{', '.join(names[:-1])} and {names[-1]}"
    others = f"{', '.join(names[:-1])} or {names[-1]}"
    return tuple(pattern.format(labels=f"{{{shown}|{others}}}") for pattern in _LABEL_PATTERNS)
