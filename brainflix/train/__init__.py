"""`train`: networks on brain data, under Accelerate, with checkpoints that resume exactly."""
