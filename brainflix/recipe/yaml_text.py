"""YAML as recipes and `--set` may write it: plain values, nothing twice, nothing that runs, grows or means another."""

from __future__ import annotations

import math
import re
from collections.abc import Hashable
from typing import Any

import yaml

from brainflix.errors import BrainflixError, IntegrityError, UsageError
from brainflix.wording import shortened

# A recipe is a page of text; more is a mistake or an attack. The longest of ours has 8 kB, 1 700 tokens and 6 levels.
MAX_BYTES = 256 * 1024
MAX_TOKENS = 20_000
MAX_DEPTH = 32
# Keys, seeds and counts are kept and hashed as 64-bit numbers.
_LEAST, _MOST = -(2**63), 2**63 - 1
_MAX_DIGITS = 72
_OPENING = (
    yaml.BlockMappingStartToken,
    yaml.BlockSequenceStartToken,
    yaml.FlowMappingStartToken,
    yaml.FlowSequenceStartToken,
)
_CLOSING = (yaml.BlockEndToken, yaml.FlowMappingEndToken, yaml.FlowSequenceEndToken)
# YAML 1.1 reads 1:30 as 90 and 010 as 8, which nobody means who writes a recipe (yaml.org/type/int.html).
_ANOTHER_BASE = re.compile(r"[-+]?(0[0-9_]+|[0-9][0-9_]*(:[0-9_]+)+(\.[0-9_]*)?)")


def read_yaml(text: bytes | str, what: str) -> Any:
    """Return the value of a YAML text: mappings, lists, text, finite numbers of 64 bits, booleans and null.

    Args:
        text: the YAML.
        what: what it is, for messages.

    Raises:
        UsageError: it is too large, too deep or not YAML, uses an alias or names a key twice, or a number has no
            plain reading.
        IntegrityError: it asks for something to be made or run.
    """
    if len(text) > MAX_BYTES:
        raise UsageError(f"{what} is larger than {MAX_BYTES // 1024} KiB", why="a recipe is a page of text")
    try:
        _check_tokens(text, what)
        return yaml.load(text, Loader=_Plain)
    except BrainflixError as error:
        raise type(error)(f"{what} {error.what}", why=error.why, next=error.next) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        why = shortened(" ".join(str(error).split()))
        raise UsageError(f"{what} is not valid YAML", why=why) from error


def _check_tokens(text: bytes | str, what: str) -> None:
    """Read the words of a text before anything is made of them; the first that a recipe cannot have ends it.

    Messages go on from the name of the text. The depth is bounded before the text is scanned to its end, because
    the scanner takes time for every open bracket at every word.

    Raises:
        UsageError: too many words or levels, or an alias.
        IntegrityError: a tag.
    """
    depth = 0
    for count, token in enumerate(yaml.scan(text, Loader=yaml.SafeLoader), start=1):
        depth += isinstance(token, _OPENING) - isinstance(token, _CLOSING)
        if depth > MAX_DEPTH:
            raise UsageError(f"is nested more than {MAX_DEPTH} levels deep", why=_line(token.start_mark))
        if count > MAX_TOKENS:
            raise UsageError(f"has more than {MAX_TOKENS} words and signs", why="a recipe is a page of text")
        if isinstance(token, yaml.AliasToken | yaml.AnchorToken):
            raise UsageError("uses YAML aliases", why=f"recipes are read without them; {_line(token.start_mark)}")
        if isinstance(token, yaml.TagToken):
            # A tag asks for something to be made; whoever wrote it wanted more than a recipe.
            tag = shortened("".join(part or "" for part in token.value))
            raise IntegrityError("uses a YAML tag", why=f"{tag!r}, {_line(token.start_mark)}")


class _Plain(yaml.SafeLoader):
    """PyYAML's safe loader, which takes no key twice, no number that reads otherwise than it looks, and no date."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Return the mapping; a key that stands twice, or that merges another mapping, is refused."""
        seen: dict[Hashable, int] = {}
        for key_node, _ in node.value:
            line = key_node.start_mark.line + 1
            if key_node.tag == "tag:yaml.org,2002:merge":
                raise UsageError("merges a mapping by <<", why=f"recipes are read without that; line {line}")
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, Hashable):
                raise UsageError("has a key that is no word", why=f"line {line}")
            if key in seen:
                where = f"line {line}" if seen[key] == line else f"lines {seen[key]} and {line}"
                raise UsageError(f"has the key {shortened(str(key))!r} twice", why=where, next="leave one of them")
            seen[key] = line
        made: dict[Hashable, Any] = super().construct_mapping(node, deep=deep)
        return made

    def plain_int(self, node: yaml.ScalarNode) -> int:
        """Return a whole number of 64 bits."""
        text = _number_text(node)
        number = int(super().construct_yaml_int(node)) if len(text) <= _MAX_DIGITS else _MOST + 1
        if not _LEAST <= number <= _MOST:
            raise UsageError(f"has the number {shortened(text)}, which is beyond 64 bits", why=_line(node.start_mark))
        return number

    def plain_float(self, node: yaml.ScalarNode) -> float:
        """Return a finite number."""
        text = _number_text(node)
        number = float(super().construct_yaml_float(node))
        if not math.isfinite(number):
            raise UsageError(f"has the number {shortened(text)}, which is not finite", why=_line(node.start_mark))
        return number


# 2020-01-01 stays text.
_Plain.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in found if tag != "tag:yaml.org,2002:timestamp"]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Plain.add_constructor("tag:yaml.org,2002:int", _Plain.plain_int)
_Plain.add_constructor("tag:yaml.org,2002:float", _Plain.plain_float)


def _number_text(node: yaml.ScalarNode) -> str:
    """Return a number as it is written.

    Raises:
        UsageError: YAML would read it in base 8 or 60.
    """
    text = str(node.value)
    if _ANOTHER_BASE.fullmatch(text):
        why = f"YAML reads it in base {60 if ':' in text else 8}; {_line(node.start_mark)}"
        raise UsageError(f"has the number {shortened(text)}", why=why, next="write it in base 10, or in quotes as text")
    return text


def _line(mark: yaml.Mark) -> str:
    return f"line {mark.line + 1}"
