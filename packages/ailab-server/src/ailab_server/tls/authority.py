"""A certificate authority for one machine, and the certificates it signs.

Whoever imports the CA trusts it for this machine's names and for private addresses only: name constraints
(RFC 5280, section 4.2.1.10) keep a stolen key from speaking for any other site.
"""

import datetime
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

__all__ = ["LEAF_DAYS", "Authority", "fingerprint"]

LEAF_DAYS = 397
"""Browsers take no certificate that is good for longer."""

_CA_DAYS = 3650
_SKEW = datetime.timedelta(hours=1)
"""A clock that is a little late must not find the certificate not yet valid."""

_PRIVATE = [
    ipaddress.ip_network(text)
    for text in (
        "127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "100.64.0.0/10",
        "::1/128", "fc00::/7",
    )
]  # fmt: skip

_Address = IPv4Address | IPv6Address
_Network = IPv4Network | IPv6Network


@dataclass(frozen=True)
class Authority:
    """A CA: its certificate and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @classmethod
    def create(cls, machine: str, names: Sequence[str], addresses: Sequence[_Address]) -> "Authority":
        """A new CA for a machine that has these DNS names and addresses."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"AI Lab CA of {machine}"[:64])])
        networks: list[_Network] = [*_PRIVATE, *(ipaddress.ip_network(one) for one in addresses if not _private(one))]
        permitted = [x509.DNSName(name) for name in sorted({name.removeprefix("*.") for name in names})]
        start = _now() - _SKEW
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(start + datetime.timedelta(days=_CA_DAYS))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(sign_certificates=True), critical=True)
            .add_extension(
                x509.NameConstraints([*permitted, *(x509.IPAddress(one) for one in networks)], None), critical=True
            )
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )
        return cls(certificate, key)

    @classmethod
    def from_pem(cls, pem: bytes) -> "Authority":
        """The CA that ``to_pem`` wrote.

        Raises:
            ValueError: it is none.
        """
        key = serialization.load_pem_private_key(pem, password=None)
        certificate = x509.load_pem_x509_certificate(pem)
        if not isinstance(key, ec.EllipticCurvePrivateKey) or certificate.public_key() != key.public_key():
            raise ValueError("the key is not that of the certificate")
        return cls(certificate, key)

    def to_pem(self) -> bytes:
        """Key and certificate; to be kept secret."""
        return _pem(self.key) + self.public_pem()

    def public_pem(self) -> bytes:
        """The certificate, for whoever is to trust it."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def expired(self) -> bool:
        """Whether its certificates are good for nothing because its own is over, or not yet begun."""
        return not self.certificate.not_valid_before_utc <= _now() < self.certificate.not_valid_after_utc

    def permits(self, name: str | _Address) -> bool:
        """Whether it may sign for this name or address."""
        constraints = self.certificate.extensions.get_extension_for_class(x509.NameConstraints).value
        for permitted in constraints.permitted_subtrees or ():
            if isinstance(name, str):
                bare = name.removeprefix("*.")
                if isinstance(permitted, x509.DNSName) and f".{bare}".endswith(f".{permitted.value}"):
                    return True
            elif isinstance(permitted, x509.IPAddress) and _inside(name, permitted.value):
                return True
        return False

    def issue(self, names: Sequence[str], addresses: Sequence[_Address]) -> bytes:
        """A new key, a certificate for all of ``names`` and ``addresses``, and the CA's, as one PEM file."""
        key = ec.generate_private_key(ec.SECP256R1())
        start = _now() - _SKEW
        end = min(start + datetime.timedelta(days=LEAF_DAYS), self.certificate.not_valid_after_utc)
        held = [*(x509.DNSName(name) for name in names), *(x509.IPAddress(one) for one in addresses)]
        issuer_key = self.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        certificate = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "AI Lab server")]))
            .issuer_name(self.certificate.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(end)
            .add_extension(x509.SubjectAlternativeName(held), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(sign_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer_key), critical=False
            )
            .sign(self.key, hashes.SHA256())
        )  # fmt: skip
        return _pem(key) + certificate.public_bytes(serialization.Encoding.PEM) + self.public_pem()

    def is_fresh(self, leaf: bytes, names: Sequence[str], addresses: Sequence[_Address]) -> bool:
        """Whether ``leaf`` is one that ``issue`` made for just these, with more than 30 days left."""
        try:
            certificate = x509.load_pem_x509_certificate(leaf)
            certificate.verify_directly_issued_by(self.certificate)
            held = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        except Exception:  # noqa: BLE001 - whatever a damaged file makes of it: a new one is made
            return False
        good_until = certificate.not_valid_after_utc - datetime.timedelta(days=30)
        return (
            certificate.not_valid_before_utc <= _now() < good_until
            and set(held.get_values_for_type(x509.DNSName)) == set(names)
            and set(held.get_values_for_type(x509.IPAddress)) == set(addresses)
        )


def fingerprint(certificate: x509.Certificate) -> str:
    """The SHA-256 of a certificate as browsers show it: ``AB:CD:…``."""
    return certificate.fingerprint(hashes.SHA256()).hex(":").upper()


def _usage(sign_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not sign_certificates, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, key_cert_sign=sign_certificates, crl_sign=sign_certificates,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _private(address: _Address) -> bool:
    return any(_inside(address, network) for network in _PRIVATE)


def _inside(address: _Address, network: object) -> bool:
    return isinstance(network, IPv4Network | IPv6Network) and address.version == network.version and address in network


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)
