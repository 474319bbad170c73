"""Launch options, budgets, the largest context and advice."""
