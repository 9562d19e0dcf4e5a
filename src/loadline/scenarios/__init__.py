"""Where scenario sets come from: grids, history, simulation and named stresses."""
