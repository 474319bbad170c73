"""The help: its pages, the window that shows them, the pictures in it, and the tour."""
