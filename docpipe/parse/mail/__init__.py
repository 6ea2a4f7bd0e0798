"""Mails, and the files that came with them."""
