"""What brainflix made at a known commit: the demo at one thread, every recipe's plan, every test's name."""
