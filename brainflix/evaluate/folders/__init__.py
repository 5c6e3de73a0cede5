"""`brainflix score`: any folder of videos against any other, without a data set, a store or a recipe."""
