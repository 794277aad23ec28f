import socket

import pytest

from fedteach.classroom.addresses import is_loopback, names_of, reachable
from fedteach.classroom.server import HttpServer
from tests.classroom.classes import SMALL


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_only_this_machine_reaches_a_loopback_address(host):
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "localhost.example.org", "a-laptop"])
def test_every_other_address_may_be_reached_by_others(host):
    assert not is_loopback(host)


def test_every_network_is_no_address_that_one_can_type():
    for host in ("0.0.0.0", "::", ""):
        address = reachable(host)
        assert address not in ("0.0.0.0", "::", "")
        socket.inet_aton(address)
    assert reachable("192.168.1.5") == "192.168.1.5"


def test_without_a_network_this_machine_is_what_can_be_reached(monkeypatch):
    def no_way(self, address):
        raise OSError("network is unreachable")

    monkeypatch.setattr(socket.socket, "connect", no_way)
    assert reachable("0.0.0.0") == "127.0.0.1"


def test_a_server_is_known_by_all_its_names():
    assert {"localhost", "127.0.0.1", socket.gethostname(), "192.168.1.5"} <= set(names_of("192.168.1.5"))


def test_a_server_says_what_to_type_and_warns_where_others_can_listen(tmp_path):
    def said(**how):
        server = HttpServer(SMALL, **how)
        server._web.stop()
        return server

    here, everywhere = said(), said(host="0.0.0.0")
    assert here.warning == ""
    assert here.is_loopback
    assert "--tls prevents it" in everywhere.warning
    assert "0.0.0.0" not in everywhere.join_line
    safe = said(host="0.0.0.0", tls=True, out=tmp_path)
    assert safe.warning == ""
    assert safe.url.startswith("https://")
    assert f"--fingerprint {safe.fingerprint}" in safe.join_line
    assert safe.class_token in safe.join_line
    assert safe.instructor_token not in safe.join_line + safe.dashboard_url
    assert said(host="::1").url.startswith("http://[::1]:")
