"""The command line: one file per command, tables or JSON, no logic of its own."""
