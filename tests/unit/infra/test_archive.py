from pathlib import Path

from infra.archive import digest_of, tree, write_zip


def _file(path: Path, text: str = "x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_the_same_files_give_the_same_bytes_whenever_they_were_written(tmp_path: Path) -> None:
    first, second = _file(tmp_path / "a" / "one.py"), _file(tmp_path / "b" / "one.py")
    first.touch()
    digests = {write_zip(tmp_path / f"{n}.zip", [("one.py", path)]).digest for n, path in enumerate((first, second))}
    assert len(digests) == 1


def test_a_changed_file_gives_another_key(tmp_path: Path) -> None:
    keys = {write_zip(tmp_path / "x.zip", [("one.py", _file(tmp_path / "one.py", text))]).key for text in "ab"}
    assert len(keys) == 2


def test_compiled_files_are_never_shipped(tmp_path: Path) -> None:
    _file(tmp_path / "code" / "one.py")
    _file(tmp_path / "code" / "__pycache__" / "one.pyc")
    assert [name for name, _ in tree(tmp_path, "code")] == ["code/one.py"]


def test_a_folder_can_be_left_out_without_its_namesakes(tmp_path: Path) -> None:
    _file(tmp_path / "templates" / "admin" / "page.html")
    _file(tmp_path / "templates" / "administrator" / "page.html")
    names = [name for name, _ in tree(tmp_path, "templates", without=["templates/admin"])]
    assert names == ["templates/administrator/page.html"]


def test_a_digest_changes_with_a_name_a_content_and_an_extra(tmp_path: Path) -> None:
    one = _file(tmp_path / "one")
    base = digest_of([("one", one)], "extra")
    two = digest_of([("two", one)], "extra")
    other_extra = digest_of([("one", one)], "other")
    one.write_text("changed")
    assert len({base, two, other_extra, digest_of([("one", one)], "extra")}) == 4
