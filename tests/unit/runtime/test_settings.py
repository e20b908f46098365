"""Settings: a bad value or an unknown name stops the start, in one sentence."""

import pytest

from pmpo.errors import ConfigurationError
from pmpo.runtime.settings import PREFIX, Settings, load_settings


def test_defaults_need_no_environment():
    settings = load_settings({})
    assert (settings.api_port, settings.scorer_port, settings.scorer_model) == (8000, 8100, "nano")


def test_values_are_read_and_the_object_is_frozen():
    settings = load_settings({"PMPO_API_PORT": "9000", "PMPO_SCORER_DETERMINISTIC": "1", "OTHER": "x"})
    assert settings.api_port == 9000
    assert settings.scorer_deterministic
    with pytest.raises(Exception, match="frozen"):
        settings.api_port = 1


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("PMPO_API_PORT", "many", "integer"),
        ("PMPO_API_PORT", "70000", "65535"),
        ("PMPO_SCORER_DTYPE", "int8", "float32"),
        ("PMPO_LEASE_S", "0", "greater than"),
        ("PMPO_LEASE_S", "inf", "finite number"),
        ("PMPO_DRAIN_S", "1e300", "less than or equal to 86400"),
        ("PMPO_RETENTION_DAYS", "nan", "finite number"),
    ],
)
def test_a_bad_value_names_the_variable_the_value_and_the_rule(name, value, rule):
    with pytest.raises(ConfigurationError) as refusal:
        load_settings({name: value})
    for part in (name, repr(value), rule):
        assert part in str(refusal.value)


def test_an_unknown_name_is_refused_with_the_nearest():
    with pytest.raises(ConfigurationError, match=r"PMPO_SCORER_MODLE is no setting.*did you mean PMPO_SCORER_MODEL"):
        load_settings({"PMPO_SCORER_MODLE": "x"})


def test_a_variable_that_holds_an_endpoints_key_is_known():
    table = '{"big": {"url": "http://big:8100", "key_variable": "PMPO_MY_KEY"}}'
    load_settings({"PMPO_MY_KEY": "secret", "PMPO_ENDPOINTS": table})
    with pytest.raises(ConfigurationError, match="PMPO_MY_KEY"):
        load_settings({"PMPO_MY_KEY": "secret"})


def test_what_kubernetes_adds_for_a_service_is_ignored():
    added = {"PMPO_REDIS_SERVICE_HOST": "h", "PMPO_REDIS_PORT": "tcp://h:1", "PMPO_REDIS_PORT_6379_TCP_ADDR": "h"}
    assert load_settings(added).redis_url is None


def test_a_port_that_kubernetes_overwrote_names_the_remedy():
    with pytest.raises(ConfigurationError, match="enableServiceLinks: false"):
        load_settings({"PMPO_API_PORT": "tcp://1.2.3.4:8000"})


def test_every_setting_says_what_it_is_for():
    for name, field in Settings.model_fields.items():
        assert field.description, f"{PREFIX}{name.upper()}"
