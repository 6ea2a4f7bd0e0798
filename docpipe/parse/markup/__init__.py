"""Markup, rewritten where docling's readers would lose or garble it."""
