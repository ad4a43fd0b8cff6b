"""Before anything imports numpy: its sums take one thread, for the tests share few cores."""

from backend.jobs.threads import one_thread_for_sums

one_thread_for_sums()
