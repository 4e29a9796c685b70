"""The demo's own settings: nothing of the machine's environment or `.env` gets in."""

from pathlib import Path
from typing import Any

from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from mailer.settings import Settings
from mailer.tools.templates import catalogue_languages


class DemoSettings(Settings):
    """Settings that are given here, and otherwise the defaults."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)


def demo_settings(folder: Path, web_port: int, smtp_port: int) -> Settings:
    """For a demo whose data lies in `folder`, with web and inbox on these ports of loopback."""
    values: dict[str, Any] = {
        "database_url": f"sqlite:///{folder / 'mailer.db'}",
        "data_dir": folder,
        "public_url": f"http://127.0.0.1:{web_port}",
        "organisation": "Diaspora Facility",
        "sender": "Diaspora Facility <news@diaspora-facility.example>",
        "postal_address": "1 Example Street, 1000 Brussels, Belgium",
        "privacy_url": "https://diaspora-facility.example/privacy",
        "unsubscribe_mailbox": "unsubscribe@diaspora-facility.example",
        "relays": f"smtp://127.0.0.1:{smtp_port}",
        "languages": " ".join(catalogue_languages()),
        "offer_pause": True,
        "signups_per_network": 1000,
        "signups_per_domain": 1000,
    }
    return DemoSettings(**values)
