"""What watches the bucket and the runs."""
