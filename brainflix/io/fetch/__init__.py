"""Files from elsewhere: resumed, verified, and under their final name only when they are whole."""
