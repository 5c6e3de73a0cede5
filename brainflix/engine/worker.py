"""One job in a process of its own: its description comes on standard input, what it reads and makes is in the store.

python -m brainflix.engine.worker --store store < job.json
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from brainflix.engine.job import job_of
from brainflix.engine.run import make_tools, run_job
from brainflix.progress import Silent
from brainflix.settings import load_settings
from brainflix.store.store import Store


def main() -> None:
    """Do the job, unless its artifact is there, and print its ref; settings come from the environment."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", type=Path, required=True)
    store = Store(parser.parse_args().store)
    job = job_of(json.load(sys.stdin))
    run_job(job, store, make_tools(store, load_settings(store=store.root), Silent()))
    sys.stdout.write(f"{job.ref}\n")


if __name__ == "__main__":
    main()
