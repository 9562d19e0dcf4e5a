"""Tables of instruments, market and positions, the resolved book and the cube of unit PnL."""
