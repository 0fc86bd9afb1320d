"""Make docs/scale.md out of the figures that benchmarks/scale.py measured: what much larger jobs need."""

from dataclasses import dataclass
from typing import Any

ROWS, QUESTIONS, SAMPLES_EACH = 10**9, 10**7, 100
PRICES = {"core_hour": 0.04, "gpu_hour": 2.50, "terabyte_month": 23.0}
"""US dollars: assumptions, near what clouds ask on demand in 2026. Change them here, then type make docs."""
GPU_TOKENS, SAMPLE_TOKENS = 10_000, 200
"""New tokens a second of one GPU with vLLM and tokens of a sample: assumptions, not measured here."""
FORWARD_TOKENS, ROW_TOKENS = 100_000, 250
"""Tokens a second that one GPU reads with a proxy of a billion weights, and tokens of a row: assumptions."""
MACHINES = (64, 512)
"""Gigabytes of memory of a small and of a large machine."""
UNSHARDED = ("load", "check", "cluster and select", "write")


@dataclass(frozen=True)
class Line:
    """Time and memory of a stage as a straight line through two measured sizes."""

    stage: str
    sizes: tuple[int, int]
    seconds_each: float
    megabytes: float
    bytes_each: float

    @classmethod
    def through(cls, small: dict[str, Any], large: dict[str, Any]) -> "Line":
        """Lay the line; what every start costs stays out of the slope."""
        more = large["count"] - small["count"]
        slope = max(0.0, large["seconds"] - small["seconds"]) / more
        grown = max(0.0, large["peak_mb"] - small["peak_mb"])
        return cls(
            large["stage"],
            (small["count"], large["count"]),
            slope or large["seconds"] / large["count"],
            large["peak_mb"] - grown * large["count"] / more,
            grown * 2**20 / more,
        )

    def gigabytes(self, count: float) -> float:
        """Memory at a size."""
        return (self.megabytes * 2**20 + self.bytes_each * count) / 1e9

    def most(self, gigabytes: float) -> float:
        """Largest size that fits."""
        left = gigabytes * 1e9 - self.megabytes * 2**20
        return float("inf") if self.bytes_each <= 0 else left / self.bytes_each


def lines_of(pair: list[dict[str, Any]]) -> dict[str, Line]:
    """Lay a line through every stage of two sizes."""
    small, large = ({one["stage"]: one for one in part["stages"]} for part in pair)
    return {name: Line.through(small[name], large[name]) for name in large}


def page(found: dict[str, Any]) -> str:
    """Write the page."""
    rows, samples = lines_of(found["rows"][:2]), lines_of(found["samples"][:2])
    return "\n".join(
        [*_head(found), *_measured(found), *_lines(rows, samples), *_workers(found), *_rows(found, rows),
         *_samples(found, samples), *_breaks(rows, samples), *_not_tried()]
    ) + "\n"  # fmt: skip


def _head(found: dict[str, Any]) -> list[str]:
    made = found["made_with"]
    return [
        "# Scale", "",
        "Made by `make docs` from `docs/scale.json`, which this command measured:", "",
        "```", f"python benchmarks/scale.py --rows {found['rows'][-1]['rows']} --samples "
        f"{found['samples'][1]['samples']} --json docs/scale.json", "```", "",
        f"Machine: {made['cpus']} cores, {made['platform']}; Python {made['python']}, commit {made['commit']}. "
        "Every stage ran in a process of its own. What is not measured but assumed is called so.", "",
    ]  # fmt: skip


def _measured(found: dict[str, Any]) -> list[str]:
    lines = ["## Measured", "", "| stage | size | seconds | a second | peak MB |", "|---|---|---|---|---|"]
    for part in [*found["rows"][:2], *found["samples"][:2]]:
        for one in part["stages"]:
            rate = one["count"] / one["seconds"]
            lines.append(
                f"| {one['stage']} | {one['count']:,} | {one['seconds']:,.1f} | {rate:,.0f} | {one['peak_mb']:,.0f} |"
            )
    return [*lines, ""]


def _lines(rows: dict[str, Line], samples: dict[str, Line]) -> list[str]:
    lines = [
        "A straight line through the two sizes, without what every start costs:", "",
        "| stage | seconds for a million | memory it begins with, MB | bytes for each | most in 64 GB |",
        "|---|---|---|---|---|",
    ]  # fmt: skip
    for line in [*rows.values(), *samples.values()]:
        most = line.most(MACHINES[0])
        lines.append(
            f"| {line.stage} | {1e6 * line.seconds_each:,.0f} | {line.megabytes:,.0f} | "
            f"{line.bytes_each:,.0f} | {short(most)} |"
        )
    return [*lines, ""]


def _workers(found: dict[str, Any]) -> list[str]:
    lines = [
        "## Workers", "",
        "Shards of samples, judged and chosen from, beside a bare map of the same engine that writes nothing:", "",
        "| engine | workers | samples a second | bare map | share |", "|---|---|---|---|---|",
    ]  # fmt: skip
    for part in found["samples"]:
        for one in part["workers"]:
            lines.append(
                f"| {one['engine']} | {one['workers']} | {one['per_second']:,.0f} | "
                f"{one['bare_per_second']:,.0f} | {one['share']:.0%} |"
            )
    return [
        *lines,
        "",
        f"The machine has {found['made_with']['cpus']} cores; more workers than that gain nothing.",
        "",
    ]


def _rows(found: dict[str, Any], rows: dict[str, Line]) -> list[str]:
    last = found["rows"][-1]
    disk = {name: size / last["rows"] * ROWS / 1e12 for name, size in last["bytes"].items()}
    hours = {name: line.seconds_each * ROWS / 3600 for name, line in rows.items()}
    gpu = ROWS * ROW_TOKENS / FORWARD_TOKENS / 3600
    cores = sum(hours.values())
    money = (
        cores * PRICES["core_hour"] + gpu * PRICES["gpu_hour"] + sum(disk.values()) * PRICES["terabyte_month"]
    )
    lines = [f"## {short(ROWS)} rows", "", "| what | amount |", "|---|---|"]
    lines += [f"| storage, {name} | {size:.2f} TB |" for name, size in disk.items()]
    for name, spent in hours.items():
        how = "one process, cannot be shared out" if name in UNSHARDED else "any number of workers"
        lines.append(f"| {name} | {spent:,.1f} core hours, {how} |")
    lines += [
        f"| one pass of a proxy | {gpu:,.0f} GPU hours (assumed {FORWARD_TOKENS:,} tokens a second, {ROW_TOKENS} a row) |",
        f"| money | ${money:,.0f}, of it ${gpu * PRICES['gpu_hour']:,.0f} for GPUs, storage for a month |",
    ]
    return [*lines, ""]


def _samples(found: dict[str, Any], samples: dict[str, Line]) -> list[str]:
    last, count = found["samples"][1], QUESTIONS * SAMPLES_EACH
    disk = {name: size / last["samples"] * count / 1e12 for name, size in last["bytes"].items()}
    judging = samples["distinct paths"].seconds_each * count / 3600
    gpu = count * SAMPLE_TOKENS / GPU_TOKENS / 3600
    costs = {
        "GPUs": gpu * PRICES["gpu_hour"], "cores": judging * PRICES["core_hour"],
        "storage for a month": sum(disk.values()) * PRICES["terabyte_month"],
    }  # fmt: skip
    lines = [
        f"## {short(QUESTIONS)} questions × {SAMPLES_EACH} samples", "", "| what | amount |", "|---|---|",
        *(f"| storage, {name} | {size:.2f} TB |" for name, size in disk.items()),
        f"| sampling | {gpu:,.0f} GPU hours (assumed {SAMPLE_TOKENS} tokens each, {GPU_TOKENS:,} a second a GPU) |",
        f"| verifying, distinct paths | {judging:,.0f} core hours, any number of workers |",
        "| money | $" + f"{sum(costs.values()):,.0f}: " + ", ".join(f"{k} ${v:,.0f}" for k, v in costs.items()) + " |",
        "",
    ]  # fmt: skip
    prices = f"Prices assumed: ${PRICES['core_hour']} a core hour, ${PRICES['gpu_hour']:.2f} a GPU hour, "
    return [*lines, prices + f"${PRICES['terabyte_month']:.0f} a terabyte and month.", ""]


def _breaks(rows: dict[str, Line], samples: dict[str, Line]) -> list[str]:
    lines = ["## What breaks first", ""]
    for name, stages, count in (("rows", rows, ROWS), ("samples", samples, QUESTIONS * SAMPLES_EACH)):
        order = sorted(stages.values(), key=lambda line: line.most(MACHINES[0]))
        first = order[0]
        lines.append(
            f"* **{short(count)} {name}**: memory of `{first.stage}`. It would take {first.gigabytes(count):,.0f} GB; "
            + "; ".join(f"{size} GB end at {short(first.most(size))} {name}" for size in MACHINES)
            + "."
        )
        others = [line for line in order[1:] if line.most(MACHINES[1]) < count]
        if others:
            told = ", ".join(f"`{line.stage}` ({line.gigabytes(count):,.0f} GB)" for line in others)
            lines.append(f"  Beyond {MACHINES[1]} GB too: {told}.")
    slowest = max((rows[name] for name in UNSHARDED if name in rows), key=lambda line: line.seconds_each)
    lines.append(
        f"* **Time**: `{slowest.stage}` is one process and would take {slowest.seconds_each * ROWS / 3600:,.0f} hours "
        f"at {short(ROWS)} rows. Cut the data into parts and read each apart; a clustering of parts is another one than that of the whole."
    )
    lines.append(
        "* **The sample store** keeps 24 bytes for every sample in the process that asks: "
        f"{24 * QUESTIONS * SAMPLES_EACH / 1e9:,.0f} GB. `--part 2/8` gives each of eight processes its share "
        "of the questions, into stores of their own."
    )
    return [*lines, ""]


def _not_tried() -> list[str]:
    return [
        "## What was not tried", "",
        "Sizes beyond the measured ones, GPUs, more than one machine, and networks: the lines above are straight, "
        "the world is not. Ray is tested with three nodes on one machine, one of them killed; Slurm with jobs that "
        "are processes on one machine. FSDP configurations are read by accelerate in the tests, and not run.",
    ]  # fmt: skip


def short(number: float) -> str:
    """Write a large number."""
    if number == float("inf"):
        return "no limit"
    for size, name in ((1e9, "billion"), (1e6, "million"), (1e3, "thousand")):
        if number >= size:
            return f"{number / size:,.3g} {name}"
    return f"{number:,.0f}"
