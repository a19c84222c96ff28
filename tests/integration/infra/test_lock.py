"""One deployer at a time; who waits is told for whom; a dead one holds nobody up for long."""

import threading
import time

import pytest

from infra.account import Account
from infra.lock import DEAD_AFTER_SECONDS, KEY, Holder, deploy_lock
from infra.stacks import DeployError


def is_held(account: Account) -> bool:
    listed = account.s3.list_objects_v2(Bucket=account.artifact_bucket("try"), Prefix=KEY)
    return bool(listed.get("KeyCount"))


def test_a_second_deployer_is_told_who_deploys_since_when_and_from_what(account: Account) -> None:
    with deploy_lock(account, "try"):
        with pytest.raises(DeployError) as refused, deploy_lock(account, "try"):
            pytest.fail("both have it")
        told = str(refused.value)
    assert "try is being deployed by" in told
    assert "from commit" in told
    assert "nothing was changed" in told
    assert "BREAK_LOCK=" in told


@pytest.mark.parametrize("end", [DeployError, KeyboardInterrupt, SystemExit])
def test_it_is_let_go_however_a_deployment_ends(account: Account, end: type[BaseException]) -> None:
    with pytest.raises(end), deploy_lock(account, "try"):
        assert is_held(account)
        raise end
    assert not is_held(account)


def test_of_many_that_begin_together_one_deploys(account: Account) -> None:
    account.artifact_bucket("try")
    inside, refused = list[int](), list[int]()
    begin, end = threading.Barrier(8), threading.Event()

    def deployer(number: int) -> None:
        begin.wait()
        try:
            with deploy_lock(account, "try"):
                inside.append(number)
                end.wait(30)
        except DeployError:
            refused.append(number)
            if len(refused) == 7:
                end.set()

    threads = [threading.Thread(target=deployer, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(inside), len(refused)) == (1, 7)


def test_one_that_gives_no_sign_of_life_is_taken_over_and_does_not_free_the_others_lock(account: Account) -> None:
    now = time.time()
    with deploy_lock(account, "try", clock=lambda: now - DEAD_AFTER_SECONDS - 1):
        with deploy_lock(account, "try", clock=lambda: now):
            pass
        with deploy_lock(account, "try", clock=lambda: now):
            assert is_held(account)


def test_one_that_lives_is_never_taken_for_dead(account: Account) -> None:
    now = [time.time()]
    with deploy_lock(account, "try", clock=lambda: now[0], beat_seconds=0.05):
        now[0] += DEAD_AFTER_SECONDS + 60
        deadline = time.monotonic() + 20
        while seen(account) < now[0]:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        with pytest.raises(DeployError), deploy_lock(account, "try", clock=lambda: now[0]):
            pytest.fail("a deployer that lives was taken for dead")


def seen(account: Account) -> float:
    """When the deployer gave its last sign of life."""
    answer = account.s3.get_object(Bucket=account.artifact_bucket("try"), Key=KEY)
    return Holder.model_validate_json(answer["Body"].read()).seen


def test_a_person_may_break_the_lock_that_they_know_and_no_other(account: Account) -> None:
    with deploy_lock(account, "try"):
        with pytest.raises(DeployError) as refused, deploy_lock(account, "try", broken="another"):
            pass
        named = str(refused.value).rpartition("BREAK_LOCK=")[2]
        with deploy_lock(account, "try", broken=named):
            assert is_held(account)
