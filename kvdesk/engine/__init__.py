"""The engine process that runs llama.cpp, and the client that speaks to it."""
