"""Who pays for a call, and what a payer may spend: attribution, baggage, budgets and their refusals."""
