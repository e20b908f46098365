"""The rivals of PMPO behind the same ports, events, ledger and final test, to be compared at one budget."""
