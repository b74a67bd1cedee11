"""`corrosion serve` as a command."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from urllib.parse import urlsplit

import pytest
from commands import WITHOUT_TORCH

from corrosion.cli.main import main


def test_without_torch_it_answers_and_at_its_end_what_has_begun(exported, tmp_path):
    token = tmp_path / "token"
    token.write_text("0123456789abcdef")
    token.chmod(0o600)
    command = [sys.executable, "-c", WITHOUT_TORCH, "serve", str(exported.onnx), "--port=0"]
    process = subprocess.Popen(
        [*command, f"--token-file={token}"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        address = urlsplit(process.stdout.readline().strip())
        assert address.hostname == "127.0.0.1"
        content = next(exported.photographs.iterdir()).read_bytes()
        connection = http.client.HTTPConnection(address.hostname, address.port, timeout=60)
        connection.putrequest("POST", "/predict")
        connection.putheader("Content-Type", "image/png")
        connection.putheader("Content-Length", str(len(content)))
        connection.putheader("Authorization", "Bearer 0123456789abcdef")
        connection.endheaders(content[:100])
        while not waiting(address.port):
            pass
        process.send_signal(signal.SIGTERM)
        connection.send(content[100:])
        response = connection.getresponse()
        assert response.status == 200
        assert 0 <= json.load(response)["results"][0]["probability"] <= 1
        assert process.wait(60) == 0
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((address.hostname, address.port), timeout=60)
    finally:
        process.kill()
        process.wait()


def waiting(port):
    """Whether a photograph has taken its place in the queue."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", "/metrics", headers={"Authorization": "Bearer 0123456789abcdef"})
    return b"corrosion_waiting 1.0" in connection.getresponse().read()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--host", "0.0.0.0"], "--host=0.0.0.0 is reached by other machines: give a secret"),
        (["--token-file", "missing"], "--token-file=missing: No such file"),
        (["--explain", "--no-regions"], "--explain draws what --no-regions leaves out"),
    ],
)
def test_what_would_fail_is_told_before_the_network_is_loaded(
    arguments, said, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "best.onnx").touch()
    assert main(["serve", "best.onnx", *arguments]) == 1
    assert said in capsys.readouterr().err


def test_an_address_that_is_taken_is_told_before_the_network_is_loaded(tmp_path, capsys):
    (tmp_path / "best.onnx").touch()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["serve", str(tmp_path / "best.onnx"), f"--port={port}"]) == 1
    assert f"--port={port}: Address already in use" in capsys.readouterr().err


def test_missing_packages_are_told_with_the_command_that_installs_them(monkeypatch, capsys):
    monkeypatch.setattr("corrosion.cli.serve.find_spec", lambda _: None)
    assert main(["serve", "best.onnx"]) == 1
    said = capsys.readouterr().err
    assert "serve needs fastapi, uvicorn, python_multipart, prometheus_client: " in said
    assert "serve" in said.partition("install")[2]


def test_the_inspector_for_browsers_is_refused_with_what_to_export(tmp_path, capsys):
    (tmp_path / "inspector.html").touch()
    assert main(["serve", str(tmp_path / "inspector.html"), "--port=0"]) == 1
    assert "inspector.html is for a browser" in capsys.readouterr().err
