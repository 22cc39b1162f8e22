"""What is true: values and rules. Standard library only; no I/O and no clock."""
