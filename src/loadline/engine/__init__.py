"""Requirements for one account or many, what-ifs and comparisons."""
