"""Rules on metrics, and how people are told when one holds."""
