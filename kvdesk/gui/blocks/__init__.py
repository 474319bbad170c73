"""One file per kind of block that a message is drawn from."""
