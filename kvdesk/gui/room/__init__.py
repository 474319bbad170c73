"""The room in the context: what is asked about it, what can be done with it."""
