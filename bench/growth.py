"""Is a letter as cheap in a large campaign as in a small one? CPU time, requests and write units a letter, by size.

python -m bench.growth [--sizes 1000 4000]
"""

import argparse
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from bench.harness import Report
from bench.stage import Spent, worked_by_hand

FLAT = 0.15  # so far a size may be from the smallest
_A_FEW = {"rule": {"attribute": "watched", "op": "equals", "value": 7}}  # one reader of four hundred


def measure(letters: int) -> dict[str, Spent]:
    """Of a campaign to so many, by stage, in a process that has sent a few letters before."""
    with worked_by_hand(letters) as stage:
        stage.campaign(audience=_A_FEW)
        return stage.campaign()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 4000])
    sizes: list[int] = sorted(parser.parse_args().sizes)
    report = Report("growth", "Growth", ("letters", "CPU s per 1,000", "requests a letter", "write units a letter"))
    cpu, requests, written = [], [], []
    # A process for each: what a worker knows of its cloud, it knows for good.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), max_tasks_per_child=1) as pool:
        for letters, stages in zip(sizes, pool.map(measure, sizes), strict=True):
            total = sum(stages.values(), Spent())
            cpu.append(total.cpu_seconds * 1000 / letters)
            requests.append(total.request_count() / letters)
            written.append(total.units.write / letters)
            told = ", ".join(f"{name} {one.cpu_seconds * 1000 / letters:.2f}" for name, one in stages.items())
            report.remark(f"{letters:,} letters: {told}")
            report.add(letters=letters, **{"CPU_s_per_1,000": cpu[-1]}, requests_a_letter=requests[-1],
                       write_units_a_letter=written[-1])  # fmt: skip
    for name, values in (("CPU", cpu), ("requests", requests), ("write units", written)):
        growth = max(values[1:]) / values[0] - 1 if len(values) > 1 else 0.0
        report.expect(f"{name} grow by no more than {FLAT:.0%}: {growth:+.0%}", met=growth <= FLAT)
    return report.publish()


if __name__ == "__main__":
    raise SystemExit(main())
