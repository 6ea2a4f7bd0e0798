"""Pages that were read one by one, joined into one document: levels, furniture, what goes on over a break."""
