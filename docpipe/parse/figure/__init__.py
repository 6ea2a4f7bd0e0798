"""Figures: which are kept, how they are cut out, and how many."""
