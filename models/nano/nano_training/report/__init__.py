"""What nano can do, measured: the numbers, tables and plots of its card."""
