"""How a chat is answered, in the window: its system prompt, its sampling, and presets of both."""
