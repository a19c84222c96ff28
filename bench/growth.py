"""Is a letter as cheap in a large campaign as in a small one? CPU time and requests a letter, by size.

python -m bench.growth [--sizes 1000 4000]
"""

import argparse
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from bench.harness import Report
from bench.stage import worked_by_hand

FLAT = 0.15  # so far a size may be from the smallest
_A_FEW = {"rule": {"attribute": "watched", "op": "equals", "value": 7}}  # one reader of four hundred


def measure(letters: int) -> tuple[dict[str, float], int]:
    """CPU seconds by stage, and requests, of a campaign to so many, in a process that has sent a few letters before."""
    with worked_by_hand(letters) as stage:
        stage.campaign(audience=_A_FEW)
        spent = stage.campaign()
    return {name: one.cpu_seconds for name, one in spent.items()}, sum(one.request_count() for one in spent.values())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 4000])
    sizes: list[int] = sorted(parser.parse_args().sizes)
    report = Report("growth", "Growth", ("letters", "CPU s per 1,000", "requests a letter"))
    cpu, requests = [], []
    # A process for each: what a worker knows of its cloud, it knows for good.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), max_tasks_per_child=1) as pool:
        for letters, (seconds, made) in zip(sizes, pool.map(measure, sizes), strict=True):
            cpu.append(sum(seconds.values()) * 1000 / letters)
            stages = ", ".join(f"{name} {spent * 1000 / letters:.2f}" for name, spent in seconds.items())
            report.remark(f"{letters:,} letters: {stages}")
            requests.append(made / letters)
            report.add(letters=letters, **{"CPU_s_per_1,000": cpu[-1]}, requests_a_letter=requests[-1])
    for name, values in (("CPU", cpu), ("requests", requests)):
        growth = max(values[1:]) / values[0] - 1 if len(values) > 1 else 0.0
        report.expect(f"{name} grow by no more than {FLAT:.0%}: {growth:+.0%}", met=growth <= FLAT)
    return report.publish()


if __name__ == "__main__":
    raise SystemExit(main())
