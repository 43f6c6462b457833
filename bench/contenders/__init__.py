"""What is measured. Each function runs in a process of its own (`bench.contender`) and returns plain numbers."""
