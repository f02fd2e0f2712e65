"""Becomes another command that can't outlive the process that started it.

Run as a script, ``leash.py SIGNAL PARENT UID COMMAND…``: the kernel sends SIGNAL to the command when PARENT ends,
however it ends. UID is ``-``, or the user to become first. Where the kernel has no such service (it is Linux's) the
command runs without it. Standard library only, since it runs isolated from the packages of the virtual environment.
"""

from __future__ import annotations

import ctypes
import os
import sys

#: Linux's prctl option that names the signal to get when the parent ends.
PR_SET_PDEATHSIG = 1


def main() -> None:
    signal, parent, uid, *command = sys.argv[1:]
    if uid != "-":
        os.setgroups([])
        os.setgid(int(uid))
        os.setuid(int(uid))
    # It comes after the change of user, because that change would undo it.
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal), 0, 0, 0)
    if os.getppid() != int(parent):
        sys.exit("The process that started this one is gone.")
    os.execvp(command[0], command)  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main()
