"""Import it to run with one BLAS thread: libraries look at these variables when they are loaded, so the script begins anew."""

import os
import sys

ONE = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "BLIS", "VECLIB_MAXIMUM")}
if any(os.environ.get(name) != "1" for name in ONE):
    os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **ONE})
