"""The embedded world: stimuli, simulated brains, tiny weights. Everything here is a simulation."""
