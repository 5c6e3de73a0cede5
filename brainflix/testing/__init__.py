"""Public helpers for testing parts and stores: miniatures, contracts, fault injection."""
