"""
A spool that is used and may be killed at any system call: FOLDER NOTES COUNT ORDER.

It puts samples and removes some of them, and writes what it did into a file of notes: after it was done, or for a
control that must lose samples (ORDER "before" instead of "after"), before.
"""

import os
import sys
from pathlib import Path

from collecting import MACHINE, RUN, sample

from appliance.ship.spool import Limits, Spool


def main(folder: str, notes: str, count: str, order: str) -> None:
    descriptor = os.open(notes, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    spool = Spool(Path(folder), MACHINE, limits=Limits(segment_bytes=1500, free_share=0))
    for number in range(int(count)):
        if order == "before":
            os.write(descriptor, b"taken %d\n" % number)
        spool.put(RUN, sample(number))
        if order == "after":
            os.write(descriptor, b"taken %d\n" % number)
        if number % 6 == 5:
            batch = spool.batch(4)
            if batch is not None:
                # Numbers of samples begin with 0, those of records with 1.
                os.write(descriptor, b"removed %d\n" % (batch.last - 1))
                spool.remove(batch.last)
    spool.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
