"""The command line's texts in the user's language: English is the key, catalogue files have the others."""

import os
import tomllib
from collections.abc import Mapping
from functools import cache
from xml.etree import ElementTree

from kvdesk.phrases import Phrase, spoken
from kvdesk.resources import resource_path

_CATALOGUES = {"zh": "zh_CN", "zh_cn": "zh_CN", "zh_sg": "zh_CN", "zh_hans": "zh_CN"}


def t(text: str, /, **values: object) -> str:
    """Say a phrase, or a template with its values, in the user's language; what is unknown stays English."""
    catalogue = _catalogue(_language())
    return spoken(Phrase(text, **values), lambda template: catalogue.get(template, template))


def _language() -> str:
    """The name of the catalogue that the locale asks for, by gettext's order of variables; "" for English."""
    for variable in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        if chosen := os.environ.get(variable):
            locale = chosen.split(":")[0].split(".")[0].split("@")[0].replace("-", "_").lower()
            return _CATALOGUES.get(locale, "")
    return ""


@cache
def _catalogue(language: str) -> Mapping[str, str]:
    """The command line's own words, and those of the rooms below it, which the window shows as well."""
    if not language:
        return {}
    own = resource_path(f"translations/cli.{language}.toml").read_text(encoding="utf-8")
    window = ElementTree.parse(resource_path(f"translations/kvdesk_{language}.ts"))
    core = window.iterfind("context[name='core']/message")
    shared = {each.findtext("source", ""): each.findtext("translation", "") for each in core}
    return {**shared, **tomllib.loads(own)["texts"]}
