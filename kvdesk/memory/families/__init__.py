"""From a header to a shape: one file per kind of model."""
