"""The parts of the desk: model, memory, context, options, largest contexts, loading."""
