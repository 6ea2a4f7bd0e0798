"""Text from pictures: which engine, which way up, and what came of it."""
