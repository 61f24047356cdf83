"""The whole `churnbench run` against the summed time of its own model fits, and its peak memory.

    python benchmarks/bench_run.py                     # 20,000 accounts x 24 monthly snapshots x 30 metrics
    python benchmarks/bench_run.py --accounts 2000     # a quick look

Target: wall time at most 3 times the model fits, peak memory under 4 GB.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from churnbench.data.simulate import simulate_world

METRICS = 30
GIGABYTE = 1024 * 1024  # ru_maxrss counts kilobytes on Linux


def write_project(folder: Path, accounts: int, months: int, seed: int) -> None:
    """A simulated book whose metrics are topped up to 30 with noisy copies of each other."""
    world = simulate_world(accounts, months, seed)
    snapshots = world.snapshots
    generator = np.random.default_rng(seed)
    keys = {"account_id", "as_of", "renewal_on", "arr", "segment"}
    originals = [name for name in snapshots.columns if name not in keys and snapshots[name].dtype.kind in "fi"]
    names = list(originals)
    for number in range(METRICS - len(originals)):
        source = snapshots[originals[number % len(originals)]].to_numpy(dtype=float, na_value=np.nan)
        name = f"extra_{number}"
        snapshots[name] = source + generator.normal(0, np.nanstd(source) or 1.0, len(source))
        names.append(name)
    snapshots.to_parquet(folder / "snapshots.parquet", index=False)
    world.outcomes.to_csv(folder / "outcomes.csv", index=False, date_format="%Y-%m-%d")
    world.accounts.to_csv(folder / "accounts.csv", index=False, date_format="%Y-%m-%d")
    lines = [
        '[project]\nname = "bench"\n\n[data]\nsnapshots = "snapshots.parquet"\noutcomes = "outcomes.csv"\n'
        'accounts = "accounts.csv"\n\n[formula]\npreset = "none"\n',
        *(f'[[formula.dimensions]]\nid = "d{d}"\nweight = 25\n' for d in range(4)),
        *(
            f'[[formula.metrics]]\nid = "{name}"\ndimension = "d{position % 4}"\nweight = 10\n'
            'direction = "higher_is_healthier"\n'
            for position, name in enumerate(names[:METRICS])
        ),
    ]
    (folder / "churnbench.toml").write_text("\n".join(lines), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--accounts", type=int, default=20_000)
    parser.add_argument("--months", type=int, default=24)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_project(folder, options.accounts, options.months, options.seed)
        begun = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "churnbench.cli.main", "run", str(folder), "--out", str(folder / "out")],
            check=True,
            cwd=folder,
        )
        wall = time.perf_counter() - begun
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / GIGABYTE
        evidence = json.loads((folder / "out" / "evidence.json").read_text(encoding="utf-8"))
    seconds = evidence["seconds"]
    print(json.dumps(seconds, indent=1))
    print(f"rows {evidence['data']['rows']:,}; wall {wall:.1f} s; model fits {seconds['model_fits']:.1f} s")
    print(f"ratio {wall / seconds['model_fits']:.2f} (target 3); peak memory {peak:.2f} GB (target 4)")


if __name__ == "__main__":
    main()
