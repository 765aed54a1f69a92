"""TLS to the broker; host names are always checked."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """Section ``tls`` of the broker.

    Attributes
    ----------
    ca : str or None
        File with the certificates of the authorities to trust; None for those of
        the system.
    certificate, key : str or None
        Files with this client's own certificate and its key, if the broker wants one.
    """

    ca: str | None = None
    certificate: str | None = None
    key: str | None = None

    def problems(self) -> Iterator[str]:
        """Yield problems that the types do not exclude."""
        if (self.certificate is None) != (self.key is None):
            missing = "certificate" if self.certificate is None else "key"
            yield f"{missing}: missing; a client's certificate and key go together"
        for name in ("ca", "certificate", "key"):
            path = getattr(self, name)
            if path is not None and not Path(path).is_file():
                yield f"{name}: no file {path}"
                return
        try:
            self.context()
        except OSError as error:  # ssl.SSLError among them
            files = ", ".join(filter(None, (self.ca, self.certificate, self.key)))
            yield f"{error}; look at {files}"

    def context(self) -> "ssl.SSLContext":
        """Return the context of a connection, TLS 1.2 or later."""
        import ssl  # noqa: PLC0415 -- only where a connection is encrypted

        context = ssl.create_default_context(cafile=self.ca)
        if self.ca is not None:
            # Python 3.13 refuses authorities without keyUsage, as most made at home
            # are; chain, dates and name are checked all the same
            context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        if self.certificate is not None:
            context.load_cert_chain(self.certificate, self.key)
        return context
