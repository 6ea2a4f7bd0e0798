"""What the work costs: prices, budgets, and what providers were paid."""
