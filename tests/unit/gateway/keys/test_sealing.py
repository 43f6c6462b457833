import base64
import os
import threading
from pathlib import Path

import pytest

from stretto.errors import FolderForbidden, SettingsInvalid
from stretto.gateway.keys import Key
from stretto.gateway.keys.sealing import FILE, MasterKey, load_master

MASTER = MasterKey(bytes(range(32)))


def test_what_is_sealed_opens_again():
    sealed = MASTER.seal("acme", Key("sk-1"))
    assert b"sk-1" not in sealed
    assert MASTER.open("acme", sealed) == Key("sk-1")
    assert MASTER.seal("acme", Key("sk-1")) != sealed


@pytest.mark.parametrize("change", ["name", "master", "byte", "cut"])
def test_nothing_else_opens_it(change: str):
    sealed = MASTER.seal("acme", Key("sk-1"))
    master, name = MASTER, "acme"
    match change:
        case "name":
            name = "other"
        case "master":
            master = MasterKey(bytes(32))
        case "byte":
            sealed = sealed[:-1] + bytes([sealed[-1] ^ 1])
        case _:
            sealed = sealed[:5]
    with pytest.raises(SettingsInvalid, match="cannot be opened") as caught:
        master.open(name, sealed)
    assert "sk-1" not in str(caught.value)


def test_the_master_key_of_the_environment(tmp_path: Path):
    secret = os.urandom(32)
    given = {"STRETTO_SECRET_KEY": base64.b64encode(secret).decode()}
    assert load_master(tmp_path, given).id == MasterKey(secret).id
    assert list(tmp_path.iterdir()) == []
    assert secret.hex() not in repr(load_master(tmp_path, given))


@pytest.mark.parametrize("bad", ["nonsense!", base64.b64encode(b"short").decode()])
def test_a_bad_master_key_is_refused_and_not_repeated(tmp_path: Path, bad: str):
    with pytest.raises(SettingsInvalid, match="STRETTO_SECRET_KEY") as caught:
        load_master(tmp_path, {"STRETTO_SECRET_KEY": bad})
    assert bad not in str(caught.value)


def test_the_master_key_of_the_folder_is_made_once(tmp_path: Path):
    home = tmp_path / "new"
    ids: list[bytes] = []
    threads = [threading.Thread(target=lambda: ids.append(load_master(home, {}).id)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ids) == 8
    assert len(set(ids)) == 1
    assert [each.name for each in home.iterdir()] == [FILE]
    assert (home / FILE).stat().st_mode & 0o777 == 0o600


def test_a_file_that_others_can_read_is_refused(tmp_path: Path):
    load_master(tmp_path, {})
    (tmp_path / FILE).chmod(0o644)
    with pytest.raises(FolderForbidden, match="chmod 600"):
        load_master(tmp_path, {})
