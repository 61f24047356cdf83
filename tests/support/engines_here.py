"""The engines that this machine can run without a server; those with one have tests of their own."""

from __future__ import annotations

import os
import shutil

from churnbench.export import ENGINES

#: Name -> program that it needs; None for engines that need nothing but the package.
PROGRAMS = {"python": None, "numpy": None, "duckdb": None, "sqlite": None, "javascript": "node"}

#: All of them where every real part is installed (CHURNBENCH_NO_SKIPS=1), so that none is left out in silence.
ENGINES_HERE = {
    name: ENGINES[name]
    for name, program in PROGRAMS.items()
    if os.environ.get("CHURNBENCH_NO_SKIPS") == "1" or program is None or shutil.which(program)
}
