"""One row per setting, kept in a TOML file."""
