"""Settings of all tests."""

import os

# threads that wait for each other are slower than one on tiny networks, above all when several
# test processes share the processors; set before anything imports torch, also for subprocesses
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"
os.environ["HF_HUB_OFFLINE"] = "1"
