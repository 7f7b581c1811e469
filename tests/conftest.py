"""What every test shares: no windows, one thread a process, no deadline that compilation would break."""

import os

# Before any library reads them.
os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault("OMP_NUM_THREADS", "1")

from hypothesis import HealthCheck, settings

settings.register_profile("protogov", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("protogov")
