"""Text and tables of text, in any encoding."""
