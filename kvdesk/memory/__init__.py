"""How many bytes a model takes, from its shape."""
