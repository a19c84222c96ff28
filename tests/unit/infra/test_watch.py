"""What `make dev` sees change."""

from pathlib import Path

import pytest

from infra.local.watch import Watch


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A few sources, and what is not one."""
    for name in ("app.py", "chalicelib/a.py", "templates/promo/meta.json", ".chalice/deployed/dev.json", "docs/a.md"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("1")
    return tmp_path


def test_at_rest_nothing_changes(checkout: Path) -> None:
    assert Watch(checkout).changed() == []


def test_what_is_written_added_and_removed_is_seen_once(checkout: Path) -> None:
    watch = Watch(checkout)
    (checkout / "app.py").unlink()
    (checkout / "chalicelib/b.py").write_text("1")
    (checkout / "templates/promo/meta.json").touch()

    assert set(watch.changed()) == {"app.py", "chalicelib/b.py", "templates/promo/meta.json"}
    assert watch.changed() == []


def test_what_is_not_deployed_is_not_watched(checkout: Path) -> None:
    watch = Watch(checkout)
    (checkout / "docs/a.md").write_text("2")
    (checkout / ".chalice/deployed/dev.json").write_text("2")

    assert watch.changed() == []


def test_a_folder_that_goes_away_under_the_look_ends_nothing(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Promise G5: an editor's file, or a branch's folder, may vanish between two looks at it."""
    watch = Watch(checkout)
    (checkout / "chalicelib/b.py").symlink_to(checkout / "nowhere")
    (checkout / "app.py").unlink()

    with monkeypatch.context() as vanishing:
        vanishing.setattr(Path, "exists", lambda _: True)
        assert watch.changed() == []
    assert watch.changed() == ["app.py"]
