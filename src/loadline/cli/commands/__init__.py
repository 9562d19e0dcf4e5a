"""The bodies of the commands, one module for each group; imported only when their command is asked for."""
