"""Brings a stage to this checkout: first the infra stack, then the app. Run by `make deploy`. What can be known before
is checked first, what would change in both is shown, and production asks, once.

python -m infra.deploy --stage prod
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.settings import SettingsError
from infra.account import Account
from infra.addresses import with_addresses, with_media
from infra.afterwards import afterwards
from infra.asked import ask_once
from infra.chalice_app import PackagingError
from infra.domain import deploy_domain
from infra.following import HOURS
from infra.held_back import alarms_on
from infra.lock import deploy_lock
from infra.obstacles import RIGHTS, missing_rights
from infra.package import ForeignError
from infra.planning import Release, StackInputs, app_stack, infra_stack, release_of
from infra.preflight import in_the_way
from infra.reaching_aws import reaching_aws
from infra.shipped_templates import write_down_templates
from infra.stacks import Agree, DeployError, Plan, RefusedError, Waiting, plan_stack
from infra.stage_keys import ensure_keys
from infra.stages import PRODUCTION, WorkerTimings, environment_of, stage_config, stage_names
from infra.taken_in import TakingIn, taking_in

_Planned = Plan | TakingIn | None


@dataclass(frozen=True)
class Deployment:
    """One run of `make deploy`."""

    account: Account
    stage: str
    release: Release
    agree: Agree
    allowed: Sequence[str] = ()
    waiting: Waiting = field(default_factory=Waiting)

    def run(self) -> None:
        """Both stacks, or as much of them as possible; a failure says what state the stage is in. Raises: DeployError,
        RefusedError, SettingsError, PackagingError."""
        environment = environment_of(self.stage)
        told = with_addresses(environment, self.account)
        infra, app = self._planned(told, environment)
        ensure_keys(self.account, self.stage)
        with _dropped_after_failure(app):
            _execute(f"vestnik-{self.stage}-infra", infra)
            for line in write_down_templates(self.account, self.stage):
                print(line)
        with self._state_told():
            _execute(f"vestnik-{self.stage}-app", app)
        known = with_addresses(environment, self.account)
        if known != told:  # a first app has just been given its addresses, and the workers' stack that of pictures
            print("both are told the addresses:")
            _execute(f"vestnik-{self.stage}-infra", self._plan(**self._infra_inputs(known)))
            _execute(f"vestnik-{self.stage}-app", self._plan(**self._app_inputs(environment)))
        print(_goodbye(self.stage, known))
        afterwards(self.account, self.stage)

    def _planned(self, told: Mapping[str, str], environment: Mapping[str, str]) -> tuple[_Planned, _Planned]:
        """The changes in both stacks, once somebody has agreed to them; a refused plan leaves nothing behind."""
        inputs = self._infra_inputs(told), self._app_inputs(environment)
        with ExitStack() as undone:
            infra: _Planned = taking_in(self.account, inputs[0], plan=self._plan, waiting=self.waiting)
            infra = infra or self._plan(**inputs[0])
            if infra:
                undone.callback(infra.drop)
            app = self._plan(**inputs[1])
            if app:
                undone.callback(app.drop)
            plans = [plan for plan in (infra, app) if plan]
            if plans and (wrong := alarms_on(self.account, [one["template"] for one in inputs])):
                raise DeployError(wrong)
            lines = [line for plan in plans for line in (f"{plan.name}:", *plan.lines, "")]
            if plans and not self.agree(lines):
                raise RefusedError(f"{self.stage}: nothing was changed")
            undone.pop_all()
        return infra, app

    def _infra_inputs(self, environment: Mapping[str, str]) -> StackInputs:
        return infra_stack(self.account, self.release, environment=environment, timings=WorkerTimings())

    def _app_inputs(self, environment: Mapping[str, str]) -> StackInputs:
        return app_stack(self.account, self.release, environment=with_media(environment, self.account))

    @property
    def _plan(self) -> Callable[..., Plan | None]:
        return partial(plan_stack, self.account.cloudformation, allowed=self.allowed, waiting=self.waiting)

    @contextmanager
    def _state_told(self) -> Iterator[None]:
        try:
            yield
        except DeployError as error:
            if not _taken_back(self.account, f"vestnik-{self.stage}-app"):
                raise
            raise DeployError(f"{error}\n{_HALF.format(stage=self.stage)}") from error


_HALF = """The app is as it was before: CloudFormation has taken its change back. Workers and tables are those of this
release. Nothing is lost like this, jobs are read both ways. Fix what is named above, then make deploy STAGE={stage};
or go back: git switch --detach <the commit before>, then make deploy STAGE={stage}"""


def _taken_back(account: Account, stack: str) -> bool:
    """Whether the stack was rolled back or removed completely."""
    try:
        [found] = account.cloudformation.describe_stacks(StackName=stack)["Stacks"]
    except (BotoCoreError, ClientError):
        return False
    return found["StackStatus"] in ("UPDATE_ROLLBACK_COMPLETE", "ROLLBACK_COMPLETE")


@contextmanager
def _dropped_after_failure(plan: _Planned) -> Iterator[None]:
    try:
        yield
    except BaseException:
        if plan:
            with suppress(BotoCoreError, ClientError):  # the failure is what the person has to see
                plan.drop()
        raise


def _execute(stack: str, plan: _Planned) -> None:
    if plan:
        plan.execute()
    print(f"{stack}: {'deployed' if plan else 'is already so'}")


def _goodbye(stage: str, environment: Mapping[str, str]) -> str:
    api, live = environment["VESTNIK_PUBLIC_URL"], environment["VESTNIK_LIVE_URL"]
    return "\n".join(
        (
            f"{stage} answers at {api} (managers: {api}/admin), live at {live}",
            f"on a new stage: make manager STAGE={stage} NAME=<yours>; at any time: make doctor STAGE={stage}",
        )
    )


def main(arguments: list[str] | None = None) -> int:
    """With the credentials and region of the environment; AWS_ENDPOINT_URL leads to LocalStack."""
    parser = argparse.ArgumentParser(description="Deploy the workers' stack, then the app.")
    parser.add_argument("--stage", required=True, choices=stage_names())
    parser.add_argument("--yes", action="store_true", help="do not ask (for a pipeline that has asked somebody)")
    parser.add_argument("--allow", nargs="+", default=(), metavar="ID", help="resources that may be lost")
    parser.add_argument("--at-once", action="store_true", help="all traffic in one step, whatever alarm is on")
    parser.add_argument("--break-lock", metavar="ID", help="of a deployer who is known to be dead")
    parser.add_argument("--artifacts", type=Path, metavar="FOLDER", help="those of an earlier `make package`")
    parser.add_argument("--hours", type=float, default=HOURS, help="how long CloudFormation is waited for")
    chosen = parser.parse_args(arguments)
    stage: str = chosen.stage
    agree = partial(agrees, stage) if stage == PRODUCTION and not chosen.yes else show
    try:
        with reaching_aws("deploy", stage):
            account = Account()
            ask_once(stage, is_new=not account.has_stack(f"vestnik-{stage}-infra"), account=account.number)
            _check(account, stage)
            print("building the workers, the app and their layer")
            release = release_of(stage, at_once=chosen.at_once, built=chosen.artifacts)
            waiting = Waiting(tables=account.dynamodb, hours=chosen.hours)
            with deploy_lock(account, stage, broken=chosen.break_lock):
                deploy_domain(account, stage, stage_config(stage), agree=agree)
                Deployment(account, stage, release, agree, chosen.allow, waiting).run()
    except (DeployError, ForeignError, PackagingError, SettingsError) as error:
        lacking = [f"  do: {RIGHTS} ({', '.join(found)})"] if (found := [*missing_rights([str(error)])]) else []
        print("\n".join([f"deploy: {error}", *lacking]), file=sys.stderr)
        return 1
    return 0


def _check(account: Account, stage: str) -> None:
    environment_of(stage)  # a mistake in it is named here
    if found := in_the_way(account, stage):
        raise DeployError("\n".join(["nothing was changed", *found]))


def show(lines: Sequence[str]) -> bool:
    """Prints what would change and agrees."""
    print("\n".join(lines))
    return True


def agrees(stage: str, lines: Sequence[str]) -> bool:
    """Prints what would change; a person agrees by typing the stage's name."""
    show(lines)
    try:
        return input(f"This changes {stage}. Type {stage} to go on: ").strip() == stage
    except EOFError:
        print("\nNobody is there to be asked: use --yes where somebody was.", file=sys.stderr)
        return False


if __name__ == "__main__":
    sys.exit(main())
