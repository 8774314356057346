"""YAML for people: long text in blocks, everything in its order, a line that says where it comes from."""

from typing import Any

import yaml


class _Dumper(yaml.SafeDumper):
    """Text of several lines as a block."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002 (an override)
        """Indent lists below their key."""
        return super().increase_indent(flow, indentless=False)


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def written(about: str, data: dict[str, Any]) -> str:
    """The data as YAML below the comment `about`."""
    return f"# {about}\n" + yaml.dump(data, Dumper=_Dumper, sort_keys=False, width=120, allow_unicode=True)
