"""A model behind an OpenAI-compatible API: large requests, several at a time, at the pace that the provider allows."""
