"""Photographs on a server that is reached by SSH, on loopback, whose key is known or is not."""

import os
import socket
import threading
from pathlib import Path

import paramiko
import pytest

from corrosion.data.file_search import find_inputs
from corrosion.data.image_reader import ImageReader, Item
from corrosion.data.places import remote, retries
from corrosion.data.resizing import build_resize
from corrosion.errors import CorrosionError


class Login(paramiko.ServerInterface):
    def __init__(self, key):
        self.key = key

    def check_channel_request(self, kind, chanid):
        return paramiko.OPEN_SUCCEEDED

    def get_allowed_auths(self, username):
        return "publickey"

    def check_auth_publickey(self, username, key):
        fits = username == "jane" and key == self.key
        return paramiko.AUTH_SUCCESSFUL if fits else paramiko.AUTH_FAILED


class Handle(paramiko.SFTPHandle):
    def stat(self):
        return paramiko.SFTPAttributes.from_stat(os.fstat(self.readfile.fileno()))


class Folder(paramiko.SFTPServerInterface):
    root = Path()

    def _path(self, path):
        return self.root / path.lstrip("/")

    def list_folder(self, path):
        found = []
        for one in self._path(path).iterdir():
            state = paramiko.SFTPAttributes.from_stat(one.stat())
            state.filename = one.name
            found.append(state)
        return found

    def stat(self, path):
        try:
            return paramiko.SFTPAttributes.from_stat(self._path(path).stat())
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno)

    lstat = stat

    def mkdir(self, path, attr):
        self._path(path).mkdir()
        return paramiko.SFTP_OK

    def remove(self, path):
        self._path(path).unlink()
        return paramiko.SFTP_OK

    def open(self, path, flags, attr):
        handle = Handle(flags)
        try:
            file = os.fdopen(os.open(self._path(path), flags, 0o644), "r+b" if flags & 3 else "rb")
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno)
        handle.readfile = handle.writefile = file
        return handle


@pytest.fixture
def address(tmp_path, monkeypatch):
    """The address of a server whose key is in known_hosts, and that knows jane's key."""
    mine, its = paramiko.ECDSAKey.generate(), paramiko.ECDSAKey.generate()
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True)
    mine.write_private_key_file(str(home / ".ssh" / "id_ecdsa"))
    Folder.root = tmp_path / "served"
    Folder.root.mkdir()
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    line = f"[127.0.0.1]:{port} {its.get_name()} {its.get_base64()}\n"
    (home / ".ssh" / "known_hosts").write_text(line)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    monkeypatch.setattr(retries, "FIRST_PAUSE", 0.001)
    transports = []

    def serve():
        while True:
            try:
                connection = listening.accept()[0]
            except OSError:
                return
            transport = paramiko.Transport(connection)
            transport.add_server_key(its)
            transport.set_subsystem_handler("sftp", paramiko.SFTPServer, Folder)
            transport.start_server(server=Login(mine))
            transports.append(transport)

    threading.Thread(target=serve, daemon=True).start()
    yield f"sftp://jane@127.0.0.1:{port}"
    listening.close()
    for transport in transports:
        transport.close()
    remote.forget()


def test_photographs_of_a_server_are_read(address, picture):
    (Folder.root / "in" / "day 1").mkdir(parents=True)
    for number in range(12):
        (Folder.root / "in" / "day 1" / f"{number:02d} #?.jpg").write_bytes(picture(number))
    (Folder.root / "in" / "b.jpg").write_bytes(b"no image")
    found = find_inputs([f"{address}/in"], recursive=True)
    assert found == [f"{address}/in/b.jpg"] + [
        f"{address}/in/day 1/{number:02d} #?.jpg" for number in range(12)
    ]
    assert find_inputs([f"{address}/in"]) == found[:1]
    reader = ImageReader(build_resize(32), threads=2)
    inputs = reader.inputs(Item(number, path) for number, path in enumerate(found))
    assert [one.error for one in inputs] == ["no image of a known kind", *[None] * 12]


def test_results_are_written_to_a_server(address, tmp_path):
    (tmp_path / "a.csv").write_text("path\n")
    remote.send(tmp_path / "a.csv", f"{address}/out/deep/a.csv")
    assert (Folder.root / "out" / "deep" / "a.csv").read_text() == "path\n"
    remote.remove(f"{address}/out/deep/a.csv")
    assert not (Folder.root / "out" / "deep" / "a.csv").exists()


def test_a_server_whose_key_is_unknown_is_refused(address, picture, tmp_path):
    (Folder.root / "a.jpg").write_bytes(picture(0))
    (tmp_path / "home" / ".ssh" / "known_hosts").write_text("")
    with pytest.raises(CorrosionError, match="known_hosts"):
        find_inputs([f"{address}/a.jpg"])
