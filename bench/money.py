"""What a million letters of a campaign cost on AWS, by service, by what `bench.way` has counted; ours beside the naive
way's. SES charges both the same; what is compared is everything else. And what a stage costs that sends nothing.

    python -m bench.money        # after bench.way and bench.letters, whose counts it takes
"""

import json
from typing import Any

from bench import idle
from bench.harness import RESULTS, Report
from bench.prices import LAMBDA_GB_SECOND, LAMBDA_REQUEST, MILLION, READ_UNIT, SES, SNS_PUBLISH, SQS, WRITE_UNIT

PRICES_OF = "list prices of us-east-1, on demand, x86, nothing free; see bench/prices.py"
LAMBDA_GB = 0.5
WALL_TO_CPU = 2.0  # a worker's billed time to its CPU time: assumed, not measured
MOST_SHARE = 0.06  # of SES's price: everything else

NAIVE_WRITES, NAIVE_READS = 3.0, 1.0  # in progress, completed, history; the user
NAIVE_SQS = 0.3  # put, received, removed, ten at a time


def bill(
    *, sqs: float, writes: float, reads: float, cpu_seconds: float, invocations: float, events: float
) -> dict[str, float]:
    """Dollars for a million letters, of quantities for one."""
    return {
        "SES": SES,
        "SQS": sqs * SQS,
        "DynamoDB": writes * WRITE_UNIT + reads * READ_UNIT,
        "Lambda": cpu_seconds * WALL_TO_CPU * LAMBDA_GB * LAMBDA_GB_SECOND * MILLION + invocations * LAMBDA_REQUEST,
        "SNS": events * SNS_PUBLISH,
    }


def _read(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text())
    return content


def main() -> int:
    way = _read("way")
    stages = {row["stage"]: row for row in way["rows"]}
    total = stages["all"]
    letters = total["letters"]
    naive_cpu = next(r for r in _read("letters")["rows"] if r["contender"] == "naive serverless")["CPU s per 1,000"]
    writes, reads = total["write units"] / letters, total["read units"] / letters
    ours = bill(
        sqs=(total["sqs requests"] + total["polls"]) / letters,
        writes=writes,
        reads=reads,
        cpu_seconds=total["CPU s per 1,000"] / 1000,
        invocations=total["invocations"] / letters,
        events=stages["feedback"]["messages"] / letters,
    )
    naive = bill(
        sqs=NAIVE_SQS, writes=NAIVE_WRITES, reads=NAIVE_READS, cpu_seconds=naive_cpu / 1000, invocations=0.1, events=0
    )
    report = Report("money", "Dollars for a million letters", ("service", "Vestnik", "naive serverless"))
    for service, dollars in ours.items():
        report.add(service=service, Vestnik=dollars, naive_serverless=naive[service])
    rest = sum(ours.values()) - SES
    report.add(service="all but SES", Vestnik=rest, naive_serverless=sum(naive.values()) - SES)
    report.remark(PRICES_OF)
    report.remark(f"of DynamoDB a letter takes {writes:.2f} write and {reads:.2f} read units")
    report.remark("the naive way keeps no events of SES, no state that survives a lost reply, and asks for no consent")
    report.expect(f"all but SES ≤ {MOST_SHARE:.0%} of SES: {rest / SES:.1%}", met=rest <= MOST_SHARE * SES)
    print(f"A month of a production stage in which nobody is written to\n\n{idle.table()}")
    return report.publish()


if __name__ == "__main__":
    raise SystemExit(main())
