"""What a worker that runs docling's models imports before `preload`, which keeps torch out of all others."""

from __future__ import annotations

from typing import Any

import torch
import transformers

_logging: Any = transformers.logging
# One worker, one core, as for the other models.
torch.set_num_threads(1)
_logging.set_verbosity_error()
