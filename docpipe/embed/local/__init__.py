"""A model in this process: texts become tokens, tokens batches, and an encoder of OpenVINO or torch makes vectors of them."""
