"""The application without Qt: state, what changes it, what the user can do."""
