"""kill -9 at any moment, then the same command: the Run equals an undisturbed one byte for byte."""

import signal
import subprocess
import sys
import time
from pathlib import Path

from cotmill.core.ids import rng_of
from cotmill.core.runs import fingerprint

sys.path.insert(0, str(Path(__file__).parent))
import toys

KILLS = 20


def test_twenty_kills_of_toy_steps_leave_no_trace(tmp_path: Path) -> None:
    undisturbed = run_toys(tmp_path / "undisturbed")
    rng = rng_of(0, "kills of toys")
    killed = tmp_path / "killed"
    kills = 0
    while kills < KILLS:
        process = subprocess.Popen([sys.executable, toys.__file__, str(killed)])
        try:
            process.wait(timeout=float(rng.uniform(0.15, 0.9)))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            kills += 1
        else:
            assert process.returncode == 0
            # Done: begin again with one step less, so that there is always something to kill.
            spoil(killed, int(rng.integers(1 << 30)))
    assert run_toys(killed) == undisturbed
    time.sleep(0.5)
    assert not list((killed / "work").iterdir()), "a worker outlived its parent and went on writing"


def run_toys(folder: Path) -> dict[str, str]:
    """Run to the end and hash what counts."""
    assert subprocess.run([sys.executable, toys.__file__, str(folder)], check=False).returncode == 0
    (folder / "run.json").write_text("{}")
    return fingerprint(folder)


def spoil(folder: Path, choice: int) -> None:
    """Damage a file of a finished step."""
    files = sorted(folder.glob("steps/*/number.txt"))
    files[choice % len(files)].write_text("spoilt")
