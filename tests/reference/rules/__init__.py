"""Rules written a second time, slowly, from the venues' documents: one account, loops, plain Python."""
