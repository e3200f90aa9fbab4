"""What is true: dates, procedures, decisions, events and cases, without any input or output."""
