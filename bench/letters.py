"""The same letters by us, by the naive serverless way and by nothing but rendering and sending, side by side in one run
on one emulator: CPU time of the code that sends, and letters a second.

    python -m bench.letters [--letters 1000] [--runs 3]
"""

import argparse
import os
import resource
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from contextlib import ExitStack
from dataclasses import dataclass

from bench.crowd import Crowd, crowd
from bench.harness import Report, median
from bench.processes import Lambdas, cpu_seconds
from bench.rivals.naive import NAME, Naive
from bench.rivals.outside import outside, redis_server
from infra.paths import ROOT

MOST_CPU_SECONDS = 1.2  # for 1,000 letters, all stages
CPU_SHARE = 7  # of the naive way's: at most 1/7
MOST_MB = 110  # of a worker, with chunks of fifty letters
RATE_TIMES = 6  # the naive way's letters a second
OURS, NAIVE, FLOOR = "Vestnik", "naive serverless", "floor"
_STAGES = {f"vestnik-local-{stage}" for stage in ("fanout", "enrich", "deliver", "feedback", "retry")}
_EVENTS = "vestnik-local-feedback"
_LIMIT_SECONDS = 600
_LOOK_SECONDS = 0.25


@dataclass(frozen=True)
class Run:
    """One sending of all letters. `once`: everybody got exactly one; `events_seconds`: the part of the CPU time that
    went into what SES told of them afterwards, which the rivals do not hear; `cloud_seconds`: the emulator's own."""

    seconds: float
    cpu_seconds: float
    once: bool
    events_seconds: float = 0.0
    cloud_seconds: float = 0.0


class Contest:
    """The contenders, deployed on one cloud."""

    def __init__(self, made: Crowd, letters: int) -> None:
        self._made = made
        self._letters = letters
        self._lambdas = Lambdas(made.cloud.emulator.pid)
        self._naive = Naive(made)

    def peaks_mb(self) -> dict[str, float]:
        """The memory of our stages' workers."""
        return {name: mb for name, mb in self._lambdas.peaks_mb().items() if name in _STAGES | {NAME}}

    def ours(self) -> Run:
        """By a campaign, from its start to the last event of the last letter."""

        def settled() -> bool:
            seen = self._made.progress(campaign[0])
            return bool(seen["delivered"] == self._letters)

        campaign: list[str] = []
        return self._run(lambda: campaign.append(self._made.start()), settled, of=_STAGES)

    def naive(self) -> Run:
        """From the first message that is put."""
        return self._run(lambda: self._naive.enqueue(self._letters), lambda: True, of={NAME})

    def floor(self) -> Run:
        """From the start of the process."""
        mailbox, started = self._made.mailbox(), time.time()
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        environment = {**os.environ, **self._made.cloud.environment()}
        command = [sys.executable, "-m", "bench.rivals.floor", str(self._letters)]
        subprocess.run(command, check=True, env=environment, cwd=ROOT)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        once = mailbox.letters() == mailbox.addresses() == self._letters
        return Run(mailbox.last_at() - started, used, once)

    def _run(self, start: Callable[[], object], settled: Callable[[], bool], *, of: Collection[str]) -> Run:
        mailbox, before, started = self._made.mailbox(), self._lambdas.seconds(), time.time()
        cloud = cpu_seconds(self._made.cloud.emulator.pid)
        start()
        while mailbox.letters() < self._letters or not settled():
            if time.time() - started > _LIMIT_SECONDS:
                raise TimeoutError(f"{mailbox.letters()} of {self._letters} letters came")
            self._lambdas.look()
            time.sleep(_LOOK_SECONDS)
        after = self._lambdas.seconds()
        used = {name: after[name] - before[name] for name in of}
        once = mailbox.letters() == mailbox.addresses() == self._letters
        return Run(
            mailbox.last_at() - started,
            sum(used.values()),
            once,
            events_seconds=used.get(_EVENTS, 0.0),
            cloud_seconds=cpu_seconds(self._made.cloud.emulator.pid) - cloud,
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--letters", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=3)
    chosen = parser.parse_args()
    found: defaultdict[str, list[Run]] = defaultdict(list)
    with ExitStack() as stack:
        contest = Contest(stack.enter_context(crowd(chosen.letters)), chosen.letters)
        contenders: dict[str, Callable[[], Run]] = {OURS: contest.ours, NAIVE: contest.naive}
        if redis := redis_server():
            rivals = stack.enter_context(outside(chosen.letters, redis))
            contenders["django-post_office, SQLite"] = lambda: Run(*rivals.post_office())
            contenders["celery, Redis"] = lambda: Run(*rivals.celery())
            contenders["dramatiq, Redis"] = lambda: Run(*rivals.dramatiq())
        else:
            print("no redis-server: celery, dramatiq and post_office are left out (apt install redis-server)")
        contenders[FLOOR] = contest.floor
        for n in range(chosen.runs + 1):  # the first warms the workers up
            for name, send in contenders.items():
                run = send()
                print(f"{name}: {run}", flush=True)
                if n:
                    found[name].append(run)
        memory = _memory_report(contest.peaks_mb())
    return max(_report(found, chosen.letters, chosen.runs).publish(), memory.publish())


def _memory_report(peaks: dict[str, float]) -> Report:
    report = Report("memory", "Peak resident memory of the workers", ("worker", "MB"))
    for name, mb in sorted(peaks.items()):
        report.add(worker=name.removeprefix("vestnik-local-"), MB=mb)
    most = max(mb for name, mb in peaks.items() if name != NAME)
    report.expect(f"≤ {MOST_MB} MB: {most:.0f}", met=most <= MOST_MB)
    return report


def _report(found: Mapping[str, list[Run]], letters: int, runs: int) -> Report:
    columns = ("contender", "CPU s per 1,000", "of it SES events", "emulator's", "letters per s", "x naive",
               "exactly once")  # fmt: skip
    report = Report("letters", f"{letters:,} letters of 15 KB, medians of {runs} runs", columns)
    cpu = {name: median([run.cpu_seconds for run in many]) * 1000 / letters for name, many in found.items()}
    cloud = {name: median([run.cloud_seconds for run in many]) * 1000 / letters for name, many in found.items()}
    rate = {name: letters / median([run.seconds for run in many]) for name, many in found.items()}
    for name, many in found.items():
        once = "yes" if all(run.once for run in many) else "NO"
        events = median([run.events_seconds for run in many]) * 1000 / letters
        report.add(
            contender=name,
            **{"CPU_s_per_1,000": cpu[name], "of_it_SES_events": events, "emulator's": cloud[name]},
            letters_per_s=rate[name],
            x_naive=rate[name] / rate[NAIVE],
            exactly_once=once,
        )
    report.remark("ours holds every stage: fan-out, profiles, consent, claim, send, record, and all events of SES")
    report.remark(f"the emulator spends {cloud[OURS]:.1f} CPU s on 1,000 of our letters, later events included")
    report.expect(f"CPU ≤ {MOST_CPU_SECONDS} s: {cpu[OURS]:.2f}", met=cpu[OURS] <= MOST_CPU_SECONDS)
    share = cpu[NAIVE] / cpu[OURS]
    report.expect(f"CPU ≤ 1/{CPU_SHARE} of the naive way's: 1/{share:.1f}", met=share >= CPU_SHARE)
    others = [name for name in found if name not in (OURS, NAIVE, FLOOR)]
    if others:
        best = min(cpu[name] for name in others)
        report.expect(f"CPU ≤ 1/2 of the best of the others: 1/{best / cpu[OURS]:.1f}", met=2 * cpu[OURS] <= best)
    times = rate[OURS] / rate[NAIVE]
    report.expect(f"letters per second ≥ {RATE_TIMES} x the naive way's: {times:.1f} x", met=times >= RATE_TIMES)
    report.expect("everybody got exactly one letter", met=all(run.once for many in found.values() for run in many))
    return report


if __name__ == "__main__":
    raise SystemExit(main())
