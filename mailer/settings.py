"""Every setting once, with its unit and a one-line reason. docs/settings.md lists the same."""

import os
import re
from email.utils import parseaddr
from functools import cached_property
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from mailer.tools.templates import catalogue_languages
from mailer.tools.tokens import Keyring

_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


class Settings(BaseSettings):
    """The environment and `.env`, read once at start."""

    model_config = SettingsConfigDict(
        env_prefix="MAILER_", env_file=".env", env_file_encoding="utf-8", extra="ignore", frozen=True
    )

    # Where things are
    database_url: str = Field(
        "sqlite:///mailer.db", description="SQLite file, or postgresql://user:password@host/name"
    )
    data_dir: Path = Field(
        Path(), description="folder of the secret and of whatever else must outlive a redeploy"
    )
    public_url: str = Field(
        "http://127.0.0.1:8000", description="how readers reach us; every link in a mail begins with it"
    )
    secret: SecretStr | None = Field(
        None,
        description="signs every link ever mailed; newest first, separated by spaces; made once in data_dir when unset",
    )
    listen: str = Field("127.0.0.1:8000", description="host:port on which the web part listens")
    trusted_proxies: str = Field("", description="space-separated networks whose X-Forwarded-For is believed")

    # Who sends
    organisation: str = Field("Our newsletter", description="the name that readers know you by")
    sender: str = Field("", description="From of every mail: 'Name <news@example.org>'")
    reply_to: str = Field("", description="where answers go, when not to the sender")
    unsubscribe_mailbox: str = Field(
        "", description="mailbox, read by you, that takes unsubscribe requests by mail"
    )
    return_path: str = Field(
        "", description="mailbox that receives bounces; its local part gets a signed +suffix"
    )
    list_id: str = Field("", description="List-Id of the digest, kept for ever: 'digest.example.org'")
    postal_address: str = Field("", description="stands at the foot of every mail, as the law asks")
    privacy_url: str = Field("", description="your privacy notice")
    imprint_url: str = Field("", description="your legal notice, where you need one")
    relays: str = Field("", description="space-separated smtp://user:password@host:587 or smtps://…:465")

    # What readers see
    languages: str = Field("en", description="space-separated languages on offer; the first is the default")
    timezone: str = Field("UTC", description="time zone of schedules and dates, as Europe/Brussels")
    website_url: str = Field("", description="your own site, linked from the name in pages and mails")
    logo_url: str = Field("", description="https address of a logo, 2:1 or wider")
    logo_size: str = Field(
        "160x64", description="width x height in pixels at which the logo is shown in mails"
    )
    brand_color: str = Field(
        "#1d4f91", description="#rrggbb of headings and buttons; must be readable on white"
    )
    funder_emblem_url: str = Field("", description="https address of a funder's emblem")
    funder_emblem_size: str = Field("72x48", description="width x height in pixels of the emblem in mails")
    funder_statement: str = Field("", description="'Funded by …', beside the emblem")
    funder_disclaimer: str = Field("", description="the disclaimer that a funder asks for")
    embed_sites: str = Field(
        "",
        description="space-separated sites that may frame the form or send it by script: 'https://www.example.org'",
    )
    offer_pause: bool = Field(False, description="readers may pause until a date that they choose")
    templates_dir: Path | None = Field(
        None, description="folder with templates of your own; a file there replaces ours"
    )

    # Sending
    dkim_keys: str = Field(
        "", description="space-separated selector=file of private keys, RSA first; for relays with ?sign=on"
    )
    unknown_policy: Literal["resend", "leave"] = Field(
        "resend",
        description="a letter whose reply nobody saw: resend (nobody missed) or leave (nobody gets it twice)",
    )

    # How much, against abuse of the form: confirmation mails that may be asked for in an hour
    signups_per_network: int = Field(60, ge=1, description="from one network (an IPv4 /24 or an IPv6 /64)")
    signups_per_domain: int = Field(500, ge=1, description="for addresses of one mail domain")
    signups_per_site: int = Field(
        200, ge=1, description="through forms on one other site, which can't show that a person opened them"
    )
    unsubscribes_alarm: int = Field(
        50,
        ge=1,
        description="readers who may leave in an hour from one network or mail domain without an alarm",
    )
    signups_in_all: int = Field(5000, ge=1, description="altogether")

    # How long
    confirm_days: int = Field(7, ge=1, le=14, description="days for which a confirmation link works")
    keep_unconfirmed_days: int = Field(
        14,
        ge=1,
        description="days after which sign-ups that nobody confirmed are forgotten; at most 14 is advised",
    )
    keep_held_days: int = Field(
        90,
        ge=1,
        description="days after which imported people are forgotten who were held and never confirmed",
    )
    keep_letters_days: int = Field(
        90, ge=1, description="days after which the addresses in the ledger of sent letters are blanked"
    )
    keep_proof_days: int = Field(
        1095,
        ge=1,
        description="days for which consent stays provable after somebody left; then they are forgotten",
    )

    @field_validator("public_url")
    @classmethod
    def _absolute(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("must be an absolute address such as https://news.example.org")
        return value.rstrip("/")

    @field_validator("languages")
    @classmethod
    def _with_words(cls, value: str) -> str:
        """A page in a language without a catalogue would speak two languages, and `lang` would be wrong."""
        ours = catalogue_languages()
        unknown = [tag for tag in value.split() if tag not in ours]
        if unknown:
            raise ValueError(
                f"there is no catalogue for {', '.join(unknown)}; we have {', '.join(ours)}. "
                "CONTRIBUTING.md says how to add a language"
            )
        return value

    @field_validator("embed_sites")
    @classmethod
    def _origins(cls, value: str) -> str:
        for site in value.split():
            if not re.fullmatch(r"https?://[a-z0-9.-]+(:[0-9]+)?", site):
                raise ValueError(
                    f"{site} must be scheme and host in small letters, as https://www.example.org"
                )
        return value

    @field_validator("brand_color")
    @classmethod
    def _colour(cls, value: str) -> str:
        if len(value) != 7 or value[0] != "#" or any(c not in "0123456789abcdefABCDEF" for c in value[1:]):
            raise ValueError("must look like #1d4f91")
        return value

    @field_validator("logo_size", "funder_emblem_size")
    @classmethod
    def _size(cls, value: str) -> str:
        width, by, height = value.partition("x")
        if not by or not width.isdecimal() or not height.isdecimal():
            raise ValueError("must be width x height in pixels, as 160x64")
        return value

    @property
    def language_list(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self.languages.split())) or ("en",)

    @property
    def embed_site_list(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self.embed_sites.split()))

    @property
    def default_language(self) -> str:
        return self.language_list[0]

    @property
    def sender_name(self) -> str:
        return parseaddr(self.sender)[0] or self.organisation

    @property
    def sender_address(self) -> str:
        return parseaddr(self.sender)[1] or f"news@{self.mail_domain}"

    @property
    def mail_domain(self) -> str:
        """The domain of the sender; right side of Message-ID and List-Id."""
        address = parseaddr(self.sender)[1]
        host = urlsplit(self.public_url).hostname or "localhost"
        return address.rpartition("@")[2] or ("localhost.localdomain" if host in _LOOPBACK else host)

    @property
    def digest_list_id(self) -> str:
        return self.list_id or f"digest.{self.mail_domain}"

    @cached_property
    def keyring(self) -> Keyring:
        """The secrets; one is made and kept in `data_dir/mailer.secret` where none is set."""
        text = self.secret.get_secret_value() if self.secret else read_or_make_secret(self.data_dir)
        return Keyring(text.split())

    def missing_for_outside(self) -> list[str]:
        """What must be set before mail may leave this machine; each line says what to do."""
        wanted = {
            "MAILER_SENDER": (bool(parseaddr(self.sender)[1]), "set it to 'Name <address@your.domain>'"),
            "MAILER_POSTAL_ADDRESS": (
                bool(self.postal_address.strip()),
                "set it to your postal address; the law wants it in each mail",
            ),
            "MAILER_PRIVACY_URL": (
                bool(self.privacy_url),
                "set it to the https address of your privacy notice",
            ),
            "MAILER_PUBLIC_URL": (
                self.public_url.startswith("https://"),
                "set it to the https:// address under which readers reach this service",
            ),
        }
        return [
            f"{name} is missing or not fit for real mail: {hint}."
            for name, (fine, hint) in wanted.items()
            if not fine
        ]


def read_or_make_secret(folder: Path) -> str:
    """The secret kept in `folder/mailer.secret`, made at the first call (mode 0600).

    Losing it kills every link ever mailed, so it is never made anew beside an existing one.
    """
    file = folder / "mailer.secret"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        draft = folder / f"mailer.secret.{os.getpid()}"
        draft.touch(mode=0o600)
        draft.write_text(os.urandom(32).hex() + "\n")
        try:
            os.link(draft, file)  # fails where another process was first, so all read the same secret
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return file.read_text().strip()
