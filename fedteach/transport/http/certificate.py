"""A certificate for the class, made on the spot: nobody vouches for it, so clients know it by its fingerprint."""

import hashlib
import ipaddress
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from fedteach.files import write_atomically
from fedteach.transport.base import TransportError

_GOOD_FOR = timedelta(days=180)


def class_certificate(folder: Path, hosts: Iterable[str]) -> tuple[Path, Path]:
    """Return the files of a class certificate and its key; made if there is none that is still good.

    Args:
        folder: where the two files are, or will be; the key is readable by its owner only.
        hosts: names and addresses under which the server is reached.

    Raises:
        TransportError: if the folder cannot be written.
    """
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    hosts = sorted(set(hosts))
    try:
        if certificate.exists() and key.exists() and _is_good(certificate, key, hosts):
            return certificate, key
        private = ec.generate_private_key(ec.SECP256R1())
        write_atomically(key, _key_text(private), mode=0o600)
        write_atomically(certificate, _signed(private, hosts).public_bytes(serialization.Encoding.PEM))
    except OSError as error:
        raise TransportError(f"cannot write the class certificate to {folder}: {error.strerror or error}") from error
    return certificate, key


def fingerprint(certificate: Path) -> str:
    """Return the SHA-256 of a certificate in pairs of hexadecimal digits: "AB:01:...".

    Raises:
        TransportError: if the file holds no certificate.
    """
    try:
        parsed = x509.load_pem_x509_certificate(certificate.read_bytes())
    except (OSError, ValueError) as error:
        raise TransportError(f"{certificate} holds no certificate: {error}") from error
    digest = hashlib.sha256(parsed.public_bytes(serialization.Encoding.DER)).hexdigest().upper()
    return ":".join(digest[i : i + 2] for i in range(0, len(digest), 2))


def _signed(private: ec.EllipticCurvePrivateKey, hosts: list[str]) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "fedteach class")])
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))  # laptops' clocks differ
        .not_valid_after(now + _GOOD_FOR)
        .add_extension(x509.SubjectAlternativeName(_alternatives(hosts)), critical=False)
        # It vouches for itself, so that a client may take it as the CA file of the class.
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(private, hashes.SHA256())
    )


def _alternatives(hosts: list[str]) -> list[x509.GeneralName]:
    """Return the hosts as a certificate names them; one that no certificate can name is left out."""
    named: list[x509.GeneralName] = []
    for host in hosts:
        try:
            named.append(x509.IPAddress(ipaddress.ip_address(host)))
        except ValueError:
            with suppress(ValueError):  # UnicodeError is one
                named.append(x509.DNSName(host.encode("idna").decode("ascii")))
    return named


def _is_good(certificate: Path, key: Path, hosts: list[str]) -> bool:
    """Whether a certificate is good for another day, names all hosts, and fits its key."""
    try:
        parsed = x509.load_pem_x509_certificate(certificate.read_bytes())
        named = list(parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
        private = serialization.load_pem_private_key(key.read_bytes(), password=None)
    except (ValueError, TypeError, x509.ExtensionNotFound, UnsupportedAlgorithm):
        return False
    lasts = parsed.not_valid_after_utc > datetime.now(UTC) + timedelta(days=1)
    return lasts and all(host in named for host in _alternatives(hosts)) and private.public_key() == parsed.public_key()


def _key_text(private: ec.EllipticCurvePrivateKey) -> bytes:
    return private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
