"""Files as nobody saved them: what `pylstm.load` makes of them, and what they make of it."""
