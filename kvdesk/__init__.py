"""KV Desk: run GGUF models through llama.cpp and see the truth about their memory. See ARCHITECTURE.md."""

__version__ = "0.1.0"
