"""What `benchmarks/attack.py` attacks with, a module a kind."""
