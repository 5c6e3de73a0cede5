"""The peak memory of a process, for tests that start one."""

from __future__ import annotations

import sys

import pytest

# An expression for the process itself, in KiB. `ru_maxrss` counts what it held before it became this one: a child of a
# large test process would seem large, and growth would not be seen.
PEAK_KIB = 'int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0])'
needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc")
