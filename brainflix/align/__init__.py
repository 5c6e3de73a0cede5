"""`align`: bring subjects into one functional space, fit on training rows only."""
