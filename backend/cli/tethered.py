"""Run a module as a program that does not outlive its parent.

`python -m backend.cli.tethered MODULE ARGUMENTS…` runs MODULE as `python -m` would. The parent
holds the other end of stdin: when it dies, however it dies, stdin ends and so does the program.
This works alike on Linux, macOS and Windows, and needs nobody's co-operation.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading
import time

_GRACE_S = 5.0


def _end_with_parent() -> None:
    try:
        while os.read(0, 4096):
            pass
    except OSError:
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_GRACE_S)
    os._exit(1)


def main() -> None:
    """Watch stdin and become the module that the arguments name."""
    threading.Thread(target=_end_with_parent, daemon=True, name="tether").start()
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
