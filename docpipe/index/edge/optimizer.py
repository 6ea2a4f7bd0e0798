"""Runs the engine's optimizers on one shard, in a process of its own.

Started as a file, without the rest of the product. The engine holds Python's interpreter lock while it builds a graph, for
minutes: in the writer's process it would stop the thread that renews the run's lease. Here it also takes its memory along when
it ends, and what kills it kills nothing else.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
from contextlib import suppress

import qdrant_edge as edge

_PR_SET_PDEATHSIG = 1
_NICENESS = 5


def main() -> None:
    folder, settings, sparse, parent = sys.argv[1], json.loads(sys.argv[2]), sys.argv[3], int(sys.argv[4])
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            return
    with suppress(OSError):
        # Searches come first.
        os.nice(_NICENESS)
    # The engine takes new settings only beside some vectors; what is not named stays as it was.
    vectors = {sparse: edge.EdgeSparseVectorParams(modifier=edge.Modifier.Idf)}
    shard = edge.EdgeShard.load(folder, edge.EdgeConfig(sparse_vectors=vectors, optimizers=edge.EdgeOptimizersConfig(**settings)))
    shard.optimize()
    shard.flush()
    shard.close()


if __name__ == "__main__":
    main()
