"""Thin wrappers that hand the domain's objects to Dagster."""
