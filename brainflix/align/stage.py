"""The door of `align`: a subject's rows in, the same rows in the group's space out.

Roles: `bold` (this subject), `group` (every subject, this one included). The maps of the group are fitted once, on
training rows alone, and are an artifact of their own; every subject's job applies its own. The columns are those
selected in any subject, so that all subjects have the same ones.
"""

from __future__ import annotations

from brainflix.parts.contract import call as run

__all__ = ["VERSION", "run"]

VERSION = 4
