"""`regress`: from responses or learned features to predicted targets."""
