"""Where and how an account would be liquidated."""
