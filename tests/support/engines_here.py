"""The engines that this machine can run."""

from __future__ import annotations

import os
import shutil

from churnbench.export import ENGINES

#: Name -> program that it needs.
PROGRAMS = {"javascript": "node"}

#: All of them where every real part is installed (CHURNBENCH_NO_SKIPS=1), so that none is left out in silence.
ENGINES_HERE = {
    name: engine
    for name, engine in ENGINES.items()
    if os.environ.get("CHURNBENCH_NO_SKIPS") == "1" or name not in PROGRAMS or shutil.which(PROGRAMS[name])
}
