"""The endpoint table: where it comes from, and what every refusal says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pmpo.errors import ConfigurationError, InvalidInputError
from pmpo.runtime.endpoints import Endpoint, Prices, endpoint, key_variables, load_endpoints
from pmpo.runtime.settings import Settings, load_settings


def _settings(**variables: str) -> Settings:
    return load_settings({f"PMPO_{name.upper()}": value for name, value in variables.items()})


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8101"),
        ("0.0.0.0", "http://127.0.0.1:8101"),
        ("scorer", "http://scorer:8101"),
        ("::", "http://[::1]:8101"),
    ],
)
def test_without_a_table_default_is_the_own_scorer(host: str, url: str) -> None:
    table = load_endpoints(_settings(scorer_host=host, scorer_port="8101"))
    assert list(table) == ["default"]
    assert (table["default"].url, table["default"].generate_url) == (url, url)


def test_a_free_port_is_no_address() -> None:
    with pytest.raises(ConfigurationError, match="PMPO_SCORER_PORT=0 is any free port"):
        load_endpoints(_settings(scorer_port="0"))


TABLE = {
    "default": {"url": "http://scorer:8100/"},
    "big": {
        "url": "https://big.example/base",
        "generate_url": "https://gen.example/v1",
        "model": "m",
        "key_variable": "BIG_KEY",
        "prices": {"scored": 0.1, "generated": 2},
    },
}


def test_json_text_and_files_give_the_same_table(tmp_path: Path) -> None:
    text = json.dumps(TABLE)
    json_file, yaml_file = tmp_path / "table.json", tmp_path / "table.yaml"
    json_file.write_text(text)
    yaml_file.write_text(
        "default: {url: http://scorer:8100/}\nbig:\n  url: https://big.example/base\n  generate_url: https://gen.example/v1\n"
        "  model: m\n  key_variable: BIG_KEY\n  prices: {scored: 0.1, generated: 2}\n"
    )
    tables = [load_endpoints(_settings(endpoints=str(given))) for given in (text, json_file, yaml_file)]
    assert tables[0] == tables[1] == tables[2]
    assert tables[0]["default"] == Endpoint(name="default", url="http://scorer:8100", generate_url="http://scorer:8100")
    assert tables[0]["big"].generate_url == "https://gen.example"
    assert tables[0]["big"].prices == Prices(scored=0.1, generated=2.0)
    assert key_variables(text) == key_variables(str(yaml_file)) == {"BIG_KEY"}
    assert key_variables(None) == key_variables("{") == frozenset()


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ('{"default": ', "PMPO_ENDPOINTS is no JSON"),
        ("[]", "holds no table"),
        ("{}", "holds no table"),
        ('{"a": "http://x"}', "endpoint 'a': give an object like"),
        ('{"a": {"url": "http://x", "name": "b"}}', "without a name of its own"),
        ('{"a": {"ulr": "http://x"}}', "endpoint 'a': unknown key 'ulr', did you mean 'url'?"),
        ('{"a": {"url": "http://x", "zzzz": 1}}', "unknown key 'zzzz'; remove it"),
        ('{"a": {"url": "http://x", "prices": {"score": 1}}}', "unknown key 'prices.score', did you mean 'scored'?"),
        ('{"a": {"url": "http://x", "prices": {"scored": -1}}}', "prices.scored is not usable: Input"),
        (
            '{"a": {"url": "http://x", "chat_template_kwargs": {"k": NaN}}}',
            "give true, false, a number, a text or null",
        ),
        ('{"a": {"model": "m"}}', "url is not usable: Field required"),
        ('{"a": {"url": "scorer:8100"}}', "url is not usable: write an address like http://host:8100"),
        ('{"a": {"url": "http://x,http://x/"}}', "url is not usable: give one or more different addresses"),
        (
            '{"a": {"url": "http://x", "generate_api": "chats"}}',
            "generate_api is not usable: Input should be 'chat' or",
        ),
        ('{"a": {"url": "http://u:p@x"}}', "an address holds no key"),
        ('{"a": {"url": "http://x", "generate_url": "http://y?k=1"}}', "generate_url is not usable: an address"),
    ],
)
def test_refuses_with_the_endpoint_the_key_and_the_rule(given: str, says: str) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        load_endpoints(_settings(endpoints=given))
    assert says in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_missing_or_broken_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"none\.yaml cannot be read: No such file"):
        load_endpoints(_settings(endpoints=str(tmp_path / "none.yaml")))
    broken = tmp_path / "broken.yaml"
    broken.write_text("a: [1\nb: 2")
    with pytest.raises(ConfigurationError, match=r"broken\.yaml is no YAML or JSON: .*line 2"):
        load_endpoints(_settings(endpoints=str(broken)))


def test_a_name_is_looked_up_or_refused_with_those_that_are_there() -> None:
    table = load_endpoints(_settings(endpoints=json.dumps(TABLE)))
    assert endpoint(table, "big") is table["big"]
    with pytest.raises(InvalidInputError) as refusal:
        endpoint(table, "defualt")
    assert str(refusal.value) == "no endpoint is called 'defualt', did you mean 'default'?; known are: default, big"


def test_several_addresses_stand_with_commas_between_them() -> None:
    given = {"default": {"url": "http://a:8100/, http://b:8100/v1", "generate_url": "http://c"}}
    found = load_endpoints(_settings(endpoints=json.dumps(given)))["default"]
    assert found.urls == ("http://a:8100", "http://b:8100")
    assert found.generate_urls == ("http://c",)
    assert load_endpoints(_settings(endpoints=json.dumps(TABLE)))["default"].generate_urls == ("http://scorer:8100",)


def test_the_key_of_the_server_that_writes_is_its_own_where_one_is_named() -> None:
    given = {"a": {"url": "http://x", "generate_url": "http://y", "generate_key_variable": "Y_KEY"}}
    text = json.dumps({**given, "b": {**given["a"], "key_variable": "X_KEY"}, "c": TABLE["big"]})
    table = load_endpoints(_settings(endpoints=text))
    keys = {"X_KEY": "x", "Y_KEY": "y", "BIG_KEY": "secret"}
    assert [(row.key(keys), row.generate_key(keys)) for row in table.values()] == [
        (None, "y"),
        ("x", "y"),
        ("secret", "secret"),
    ]
    assert key_variables(text) == {"X_KEY", "Y_KEY", "BIG_KEY"}
    with pytest.raises(ConfigurationError, match="Y_KEY is not set; endpoint 'a' takes its key from it"):
        table["a"].generate_key({})


def test_keys_come_from_their_variable() -> None:
    table = load_endpoints(_settings(endpoints=json.dumps(TABLE)))
    assert table["default"].key({}) is None
    assert table["big"].key({"BIG_KEY": "secret"}) == "secret"
    with pytest.raises(ConfigurationError, match="BIG_KEY is not set; endpoint 'big' takes its key from it"):
        table["big"].key({})
