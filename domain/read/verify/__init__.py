"""Folding events again, to see whether the rows are what the events give, and to put right what is not."""
