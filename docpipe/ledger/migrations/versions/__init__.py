"""The migrations, oldest first by name; one that was released is never changed."""
