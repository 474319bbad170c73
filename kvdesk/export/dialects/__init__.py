"""How each program of llama.cpp's family names the launch options, read back."""
