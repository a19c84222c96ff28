"""Where the letters of a run are."""

from collections import Counter

from chalicelib.clock import derived_id
from chalicelib.storage.chunk_letters import RUN_HOMES, homes_of, spots_in_run

RUN = "6e0e1f3c-0c5e-4bb1-8d5c-6d3f0f0a7a11@2026-11-29T08:00:00Z"


def test_the_chunks_of_a_run_are_spread_evenly_over_its_homes() -> None:
    """Promise F5."""
    homes = Counter(
        spot.home
        for n in range(2000)
        for spot in spots_in_run(RUN, [derived_id("notification", str(n))], homes=RUN_HOMES).values()
    )

    assert homes.keys() == set(homes_of(RUN, RUN_HOMES))
    assert max(homes.values()) < 1.2 * homes.total() / len(homes)


def test_the_same_letters_in_the_same_order_come_to_the_same_places() -> None:
    ids = [derived_id("notification", str(n)) for n in range(3)]

    assert spots_in_run(RUN, ids) == spots_in_run(RUN, ids)
    assert [spot.place for spot in spots_in_run(RUN, ids).values()] == [0, 1, 2]
