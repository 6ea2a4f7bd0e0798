"""The Dagster side: each stage is a partitioned asset, each document a partition."""
