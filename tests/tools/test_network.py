"""Who is asking, and how much of that is kept."""

import pytest

from mailer.tools.network import budget_networks, client_address, truncated, trusted_networks

PROXIES = trusted_networks("10.0.0.0/8 2001:db8:ffff::/48")


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("192.0.2.7", [], "192.0.2.7"),
        ("192.0.2.7", ["198.51.100.1"], "192.0.2.7"),  # nobody whom we trust says so
        ("10.1.1.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.1.1.1", ["203.0.113.9, 198.51.100.1"], "198.51.100.1"),  # the left one is the visitor's claim
        ("10.1.1.1", ["203.0.113.9", "198.51.100.1, 10.2.2.2"], "198.51.100.1"),
        ("10.1.1.1", ["10.3.3.3"], "10.3.3.3"),
        ("10.1.1.1", ["198.51.100.1, rubbish"], "10.1.1.1"),
        ("10.1.1.1", ["rubbish, 198.51.100.1"], "198.51.100.1"),
        ("2001:db8:ffff::1", ["2001:db8:1:2:3::4"], "2001:db8:1:2:3::4"),
        ("::ffff:10.1.1.1", ["198.51.100.1"], "198.51.100.1"),
        ("fe80::1%eth0", [], "fe80::1"),
    ],
)
def test_a_forwarded_address_is_believed_from_our_own_proxies_only(
    peer: str, forwarded: list[str], client: str
) -> None:
    assert str(client_address(peer, forwarded, PROXIES)) == client


def test_a_peer_without_an_address_is_nobody() -> None:
    assert client_address("", ["198.51.100.1"], PROXIES) is None
    assert truncated(None) == ""
    assert budget_networks(None) == ("unknown",)


def test_what_is_kept_is_cut_to_the_network() -> None:
    assert truncated(client_address("192.0.2.77", [], ())) == "192.0.2.0/24"
    assert truncated(client_address("2001:db8:1:2:3::4", [], ())) == "2001:db8:1::/48"


def test_a_household_spends_one_budget_however_many_addresses_it_has() -> None:
    one = client_address("2001:db8:1:2:3::4", [], ())
    two = client_address("2001:db8:1:2:ffff::1", [], ())
    assert budget_networks(one) == budget_networks(two) == ("2001:db8:1:2::/64", "2001:db8:1::/48")


def test_a_wrong_setting_is_named() -> None:
    with pytest.raises(ValueError, match="proxy"):
        trusted_networks("10.0.0.0/8 proxy.example.org")
