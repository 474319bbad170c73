"""The model for other programs: an HTTP endpoint that speaks as OpenAI's does."""
