"""What a letter of the bulk lane costs, stage by stage: CPU time of our own code and requests to AWS. The workers run
in this process, one after the other, on the embedded cloud; the cloud's own time is not counted.

    python -m bench.way [--letters 1000] [--runs 3]
"""

import argparse
from collections import Counter

from bench.harness import Report, median
from bench.stage import Spent, worked_by_hand

MOST_REQUESTS = 0.35  # a letter, all services
MOST_CPU_SECONDS = 1.2  # for 1,000 letters
SERVICES = ("dynamodb", "sqs", "sesv2")


def measure(letters: int, runs: int) -> list[dict[str, Spent]]:
    """The first run, with its compilations and first looks, is not counted."""
    with worked_by_hand(letters) as stage:
        return [stage.campaign() for _ in range(runs + 1)][1:]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--letters", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=3)
    chosen = parser.parse_args()
    runs = measure(chosen.letters, chosen.runs)
    columns = (
        "stage",
        "letters",
        "CPU s per 1,000",
        "invocations",
        "messages",
        *(f"{name} requests" for name in SERVICES),
        "polls",
        "write units",
        "read units",
    )
    report = Report("way", f"The way of {chosen.letters:,} letters of a campaign, by stage", columns)
    thousand, last = chosen.letters / 1000, runs[-1]
    total_cpu = median([sum(one.cpu_seconds for one in run.values()) for run in runs]) / thousand
    total = Spent()
    for worker, spent in last.items():
        cpu = median([run[worker].cpu_seconds for run in runs]) / thousand
        report.add(stage=worker, letters=chosen.letters, **_cells(cpu, spent))
        total += spent
    report.add(stage="all", letters=chosen.letters, **_cells(total_cpu, total))
    made = total.request_count() / chosen.letters
    report.remark(f"requests of our code: {made:.3f} a letter; with Lambda's own polling: "
                  f"{made + total.polls / chosen.letters:.3f}")  # fmt: skip
    for worker, spent in last.items():
        asked = ", ".join(f"{operation} {n}" for (_, operation), n in spent.requests.most_common())
        report.remark(f"{worker}: {asked or 'none'}")
    report.expect(f"CPU ≤ {MOST_CPU_SECONDS} s for 1,000 letters: {total_cpu:.2f}", met=total_cpu <= MOST_CPU_SECONDS)
    report.expect(f"requests ≤ {MOST_REQUESTS} a letter: {made:.3f}", met=made <= MOST_REQUESTS)
    return report.publish()


def _cells(cpu: float, spent: Spent) -> dict[str, float | int]:
    by_service: Counter[str] = Counter()
    for (service, _), n in spent.requests.items():
        by_service[service] += n
    return {
        "CPU_s_per_1,000": cpu,
        "invocations": spent.invocations,
        "messages": spent.messages,
        **{f"{name}_requests": by_service[name] for name in SERVICES},
        "polls": spent.polls,
        "write_units": spent.units.write,
        "read_units": spent.units.read,
    }


if __name__ == "__main__":
    raise SystemExit(main())
