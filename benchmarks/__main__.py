"""Run one benchmark by name: ``python -m benchmarks reading``."""

from __future__ import annotations

import os
import sys
import tempfile
from importlib import import_module
from pathlib import Path

THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)
HELPERS = {"__init__", "__main__", "timing"}


def main() -> int:
    # Numeric libraries read these when they are loaded, so before any import of them.
    os.environ.update(dict.fromkeys(THREADS, "1"))
    names = sorted({path.stem for path in Path(__file__).parent.glob("*.py")} - HELPERS)
    if len(sys.argv) < 2 or sys.argv[1] not in names:
        print(f"usage: python -m benchmarks NAME [PART], one of: {', '.join(names)}", file=sys.stderr)
        return 2
    sys.path.append(str(Path(__file__).parents[1] / "tests"))  # where slides and cohorts are simulated
    # What is timed from nothing finds nothing, and the user's own cache gets nothing.
    with tempfile.TemporaryDirectory(prefix="normwise-benchmark-", ignore_cleanup_errors=True) as cache:
        os.environ["NORMWISE_CACHE"] = cache
        import_module(f"benchmarks.{sys.argv[1]}").main()
    return 0


if __name__ == "__main__":
    sys.exit(main())
