"""Vectors that were made before, looked up before any model is asked."""
