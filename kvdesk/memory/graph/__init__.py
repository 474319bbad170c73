"""A sketch of the graph that llama.cpp builds, exact enough for its allocator to be replayed."""
