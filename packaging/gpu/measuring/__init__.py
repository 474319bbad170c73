"""Holds the arithmetic of KV Desk to a real device, through KV Desk's own engine process."""
