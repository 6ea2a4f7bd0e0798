"""One page of a PDF or an image: which reader takes it, and what that reader finds."""
