import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmpo.errors import ConfigurationError, InvalidInputError
from services.webhooks.addresses import is_public, plain
from services.webhooks.targets import WebhookTargets

NOT_PUBLIC = """
0.0.0.0 0.1.2.3 10.0.0.1 100.64.0.1 100.100.100.200 127.0.0.1 127.255.255.254 168.63.129.16 169.254.169.254 172.16.0.1
172.31.255.255 192.0.0.192 192.0.2.1 192.88.99.1 192.168.1.1 198.18.0.1 198.51.100.1 203.0.113.1 224.0.0.1 240.0.0.1
255.255.255.255
:: ::1 ::7f00:1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 64:ff9b::7f00:1 64:ff9b::a9fe:a9fe 64:ff9b:1::1
100::1 2001::1 2001:0:4136:e378:8000:63bf:3fff:fdd2 2001:db8::1 2002:7f00:1::1 2002:a00:1::1 3fff::1 fc00::1
fd00:ec2::254 fe80::1 fec0::1 ff02::1
""".split()
PUBLIC = """
1.1.1.1 8.8.8.8 93.184.216.34 172.32.0.1 2606:4700::1111 2a00:1450:4001::200e ::ffff:8.8.8.8 64:ff9b::808:808
""".split()


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_what_is_not_public(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", PUBLIC)
def test_what_is_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_in_ipv6_clothes_is_judged_as_itself(address: ipaddress.IPv4Address) -> None:
    for form in (f"::ffff:{address}", f"64:ff9b::{address}"):
        dressed = ipaddress.ip_address(form)
        assert plain(dressed) == address
        assert is_public(dressed) == is_public(address)
    assert not is_public(ipaddress.ip_address(f"::{address}"))


@given(st.ip_addresses())
def test_nothing_that_the_library_calls_private_is_public(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    if plain(address).is_private or plain(address).is_link_local or plain(address).is_loopback:
        assert not is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.example.com/pmpo?token=a%20b",
        "https://hooks.example.com:8443",
        "https://8.8.8.8/x",
        "https://[2606:4700::1111]:443/x",
        "HTTPS://Hooks.Example.COM./",
    ],
)
def test_a_public_host_over_https_is_taken(url: str) -> None:
    WebhookTargets().check_url(url)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://hooks.example.com", "over https only"),
        ("http://8.8.8.8", "over https only"),
        ("ftp://hooks.example.com", "give an address such as"),
        ("file:///etc/passwd", "give an address such as"),
        ("hooks.example.com", "give an address such as"),
        ("https://", "give an address such as"),
        ("https://h:0/", "give an address such as"),
        ("https://h:99999/", "give an address such as"),
        ("https://[::1", "give an address such as"),
        ("https://user:word@hooks.example.com", "with a password"),
        ("https://8.8.8.8@127.0.0.1/", "with a password"),
        ("https://hooks.example.com/#x", "with '#'"),
        ("https://hooks.example.com\\@127.0.0.1/", "a character that no URL has"),
        ("https://hooks.example.com/a b", "a character that no URL has"),
        ("https://hooks.example.com/\r\nhost: x", "a character that no URL has"),
        ("https://hóoks.example.com/", "xn-- form"),
        ("https://127.0.0.1/", "no public address"),
        ("https://127.0.0.1./", "no public address"),
        ("https://[::1]/", "no public address"),
        ("https://[::ffff:127.0.0.1]/", "no public address"),
        ("https://[::ffff:7f00:1]/", "no public address"),
        ("https://[fe80::1%25eth0]/", "is no host"),
        ("https://169.254.169.254/latest/meta-data", "no public address"),
        ("https://localhost:8000/v1/jobs", "no public address"),
        ("https://api.localhost/", "no public address"),
        ("https://2130706433/", "is no host"),
        ("https://0x7f000001/", "is no host"),
        ("https://0x7f.1/", "is no host"),
        ("https://017700000001/", "is no host"),
        ("https://127.1/", "is no host"),
        ("https://127.0.0.01/", "is no host"),
    ],
)
def test_what_is_refused_before_a_name_is_resolved(url: str, says: str) -> None:
    with pytest.raises(InvalidInputError, match=says):
        WebhookTargets().check_url(url)


def test_what_the_operator_allows() -> None:
    targets = WebhookTargets.read(" Hooks.Internal. , 10.0.0.0/8,::1,127.0.0.1, ")
    for url in ("http://hooks.internal:9000/x", "https://hooks.internal", "http://10.1.2.3", "http://[::1]:80"):
        targets.check_url(url)
    targets.check_url("http://[::ffff:10.1.2.3]/")
    targets.check_url("https://localhost/")
    for url in ("http://other.internal", "https://11.0.0.1.nip", "http://8.8.8.8"):
        if not url.startswith("https"):
            with pytest.raises(InvalidInputError, match="https only"):
                targets.check_url(url)
    targets.check_address("hooks.internal", ipaddress.ip_address("192.168.0.1"))
    targets.check_address("any.example.com", ipaddress.ip_address("10.9.9.9"))
    with pytest.raises(InvalidInputError, match="no public address"):
        targets.check_address("any.example.com", ipaddress.ip_address("192.168.0.1"))


def test_the_refused_address_of_a_name_is_not_told() -> None:
    with pytest.raises(InvalidInputError) as refused:
        WebhookTargets().check_address("db.example.com", ipaddress.ip_address("10.20.30.40"))
    assert "10.20.30.40" not in refused.value.message


@pytest.mark.parametrize("listed", ["https://x", "10.0.0.1/8", "10.0.0.0/40", "a b", "host:80", "*.internal", "12345"])
def test_an_entry_that_is_none_stops_the_start(listed: str) -> None:
    with pytest.raises(ConfigurationError, match="PMPO_WEBHOOK_ALLOW"):
        WebhookTargets.read(listed)
