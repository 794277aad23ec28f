"""The certificate of a class: made once, kept, and known by its fingerprint."""

import os
import ssl
from datetime import UTC, datetime

import pytest
from cryptography import x509

from fedteach.transport.base import TransportError
from fedteach.transport.http import certificate as module
from fedteach.transport.http.certificate import class_certificate, fingerprint

HOSTS = ["localhost", "127.0.0.1", "a-laptop"]


def test_a_certificate_is_made_once_and_found_again(tmp_path):
    first = class_certificate(tmp_path / "tls", HOSTS)
    known_by = fingerprint(first[0])
    assert class_certificate(tmp_path / "tls", HOSTS) == first
    assert class_certificate(tmp_path / "tls", HOSTS[:2]) == first
    assert fingerprint(first[0]) == known_by


def test_only_the_owner_may_read_the_key(tmp_path):
    before = os.umask(0)
    try:
        _, key = class_certificate(tmp_path / "tls", HOSTS)
    finally:
        os.umask(before)
    assert key.stat().st_mode & 0o777 == 0o600


def test_the_fingerprint_is_the_one_that_python_computes_too(tmp_path):
    import hashlib

    path, _ = class_certificate(tmp_path, HOSTS)
    der = ssl.PEM_cert_to_DER_cert(path.read_text())
    assert fingerprint(path).replace(":", "").lower() == hashlib.sha256(der).hexdigest()
    assert len(fingerprint(path).split(":")) == 32


def test_another_name_or_one_that_is_nearly_over_makes_a_new_one(tmp_path, monkeypatch):
    path, _ = class_certificate(tmp_path, HOSTS)
    first = fingerprint(path)
    class_certificate(tmp_path, [*HOSTS, "192.168.1.5"])
    second = fingerprint(path)
    assert second != first
    lasts = x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc

    class Later(datetime):
        @classmethod
        def now(cls, tz=None):
            return lasts

    monkeypatch.setattr(module, "datetime", Later)
    class_certificate(tmp_path, [*HOSTS, "192.168.1.5"])
    assert fingerprint(path) != second
    assert x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc > datetime.now(UTC)


def test_a_damaged_one_is_made_anew(tmp_path):
    path, key = class_certificate(tmp_path, HOSTS)
    path.write_text("no certificate")
    class_certificate(tmp_path, HOSTS)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path, key)  # the two belong together


def test_what_is_no_certificate_or_cannot_be_written_is_said_in_words(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(TransportError, match="holds no certificate"):
        fingerprint(tmp_path / "file")
    with pytest.raises(TransportError, match="cannot write the class certificate"):
        class_certificate(tmp_path / "file" / "tls", HOSTS)


def test_a_host_whose_name_is_no_ascii_is_named_in_the_way_of_the_net(tmp_path):
    path, _ = class_certificate(tmp_path, ["Jürgens-Laptop", "127.0.0.1", "x" * 70])
    named = x509.load_pem_x509_certificate(path.read_bytes()).extensions
    names = named.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName)
    assert len(names) == 1, "one cannot be named at all"
    assert names[0].encode().decode("idna") == "jürgens-laptop"


def test_a_key_of_another_certificate_is_no_reason_to_fail_for_ever(tmp_path):
    first, key = class_certificate(tmp_path / "one", HOSTS)
    _, other = class_certificate(tmp_path / "two", HOSTS)
    key.write_bytes(other.read_bytes())  # killed between the two files
    class_certificate(tmp_path / "one", HOSTS)
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(first, key)
