"""Is a letter as cheap in a large campaign as in a small one? CPU time and requests a letter, by size.

python -m bench.growth [--sizes 1000 4000]
"""

import argparse

from bench.harness import Report
from bench.stage import worked_by_hand

FLAT = 0.15  # so far a size may be from the smallest


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 4000])
    sizes: list[int] = sorted(parser.parse_args().sizes)
    report = Report("growth", "Growth", ("letters", "CPU s per 1,000", "requests a letter"))
    cpu, requests = [], []
    for letters in sizes:
        with worked_by_hand(letters) as stage:
            if not cpu:
                stage.campaign()  # imports and first compilations
            spent = stage.campaign().values()
        cpu.append(sum(one.cpu_seconds for one in spent) * 1000 / letters)
        requests.append(sum(one.request_count() for one in spent) / letters)
        report.add(letters=letters, **{"CPU_s_per_1,000": cpu[-1]}, requests_a_letter=requests[-1])
    for name, values in (("CPU", cpu), ("requests", requests)):
        growth = max(values[1:]) / values[0] - 1 if len(values) > 1 else 0.0
        report.expect(f"{name} grow by no more than {FLAT:.0%}: {growth:+.0%}", met=growth <= FLAT)
    return report.publish()


if __name__ == "__main__":
    raise SystemExit(main())
