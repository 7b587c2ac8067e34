"""Sending e-mail through an SMTP server."""

import email.message
import email.policy
import email.utils
import smtplib
import ssl
from collections.abc import Sequence

from ailab_server.config.parts import Email
from ailab_server.logs import escaped
from ailab_server.notify.webhook import DeliveryError

__all__ = ["send"]

_SECONDS = 20.0


def send(config: Email, lines: Sequence[str]) -> None:
    """Send ``lines`` as one message; the first is its subject.

    Raises:
        DeliveryError: it was not taken.
    """
    message = email.message.EmailMessage(policy=email.policy.SMTP)
    message["From"] = config.sender
    message["To"] = ", ".join(config.recipients)
    more = f" (and {len(lines) - 1} more)" if len(lines) > 1 else ""
    # Escaped: a line end in a run's name would begin a header of its own.
    message["Subject"] = f"AI Lab: {escaped(lines[0])[:150]}{more}"
    message["Date"] = email.utils.localtime()
    message["Auto-Submitted"] = "auto-generated"
    message.set_content("\n".join(escaped(line) for line in lines) + "\n")
    try:
        with _connect(config) as smtp:
            if config.user is not None:
                smtp.login(config.user, config.password or "")
            smtp.send_message(message)
    except (OSError, smtplib.SMTPException) as error:
        # Not the server's answer to a log-in: some repeat what they were sent.
        refused = isinstance(error, smtplib.SMTPAuthenticationError)
        why = "it refuses user and password" if refused else str(error) or type(error).__name__
        raise DeliveryError(f"the mail server {config.host} did not take it: {why}") from None


def _connect(config: Email) -> smtplib.SMTP:
    if config.security == "tls":
        context = ssl.create_default_context()
        return smtplib.SMTP_SSL(config.host, config.port, timeout=_SECONDS, context=context)
    smtp = smtplib.SMTP(config.host, config.port, timeout=_SECONDS)
    if config.security == "starttls":
        try:
            smtp.starttls(context=ssl.create_default_context())
        except BaseException:
            smtp.close()
            raise
    return smtp
