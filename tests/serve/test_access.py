"""Who may ask a service, and what it tells of itself."""

import logging
import re

import pytest

from corrosion.errors import CorrosionError
from corrosion.serve.access import read_token
from corrosion.settings.serve import ServeSettings, is_loopback

TOKEN = "0123456789abcdef0123"
BEARER = {"Authorization": f"Bearer {TOKEN}"}


@pytest.mark.parametrize("path", ["/predict", "/model", "/metrics", "/nothing"])
def test_without_the_token_there_is_no_answer(start, path):
    client = start(token=TOKEN)
    ask = client.post if path == "/predict" else client.get
    for headers in (
        {},
        {"Authorization": TOKEN},
        {"Authorization": "Bearer "},
        {"Authorization": f"Bearer {TOKEN}0"},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": "Bearer é".encode("latin-1")},
    ):
        response = ask(path, headers=headers)
        assert response.status_code == 401
        assert response.headers["WWW-Authenticate"] == "Bearer"
        assert "token" in response.json()["error"]
    assert ask(path, headers=BEARER).status_code != 401


@pytest.mark.parametrize("path", ["/", "/page.js", "/healthz", "/openapi.json"])
def test_what_tells_nothing_needs_no_token(start, path, network):
    response = start(token=TOKEN).get(path)
    assert response.status_code == 200
    assert network.name not in response.text


def test_with_a_token_the_service_has_any_name_without_only_this_machines(start):
    elsewhere = {"Host": "example.org:8000"}
    assert start(token=TOKEN).get("/model", headers=BEARER | elsewhere).status_code == 200
    client = start()
    assert client.get("/model", headers=elsewhere).status_code == 403
    for host in ("localhost", "127.0.0.1:9", "[::1]:8000"):
        assert client.get("/model", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://example.org"}, {"Origin": "null"}],
)
def test_pages_of_other_sites_may_not_ask(start, headers):
    assert start().post("/predict", headers=headers).status_code == 403
    assert start().get("/model", headers={"Origin": "http://127.0.0.1:8000"}).status_code == 200


@pytest.mark.parametrize("path", ["/", "/model", "/nothing"])
def test_browsers_keep_nothing_and_load_nothing_from_elsewhere(start, path):
    headers = start().get(path).headers
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"


def test_the_page_names_no_other_host(start):
    client = start()
    for path in ("/", "/page.js"):
        assert not re.search(r"https?://", client.get(path).text)
    assert client.get("/docs").status_code == 404  # FastAPI's own loads from other hosts


def test_openapi_describes_the_answer(start):
    described = start().get("/openapi.json").json()
    answer = described["components"]["schemas"]["Answer"]["properties"]
    assert {"probability", "decision", "regions", "share", "overlay"} <= set(answer)
    assert all(one.get("description") for one in answer.values())
    assert "429" in described["paths"]["/predict"]["post"]["responses"]


def test_prometheus_is_told_of_requests_photographs_and_memory(start, exported):
    client = start()
    content = next(exported.photographs.iterdir()).read_bytes()
    client.post("/predict", files={"files": ("a.png", content)})
    client.post("/predict", files={"files": ("a.png", b"none")})
    client.get("/nothing/at/all")
    text = client.get("/metrics").text
    assert 'corrosion_requests_total{path="/predict",status="200"} 1.0' in text
    assert 'corrosion_requests_total{path="/predict",status="422"} 1.0' in text
    assert 'corrosion_requests_total{path="other",status="404"} 1.0' in text
    assert 'corrosion_photographs_total{decision="no answer"} 1.0' in text
    assert "corrosion_batch_size_count 1.0" in text
    assert "process_resident_memory_bytes" in text


def test_a_service_for_other_machines_needs_a_token():
    with pytest.raises(CorrosionError, match=r"host=0\.0\.0\.0 is reached by other machines"):
        ServeSettings(host="0.0.0.0")
    assert ServeSettings(host="0.0.0.0", token_file="token").port == 8000
    assert is_loopback("127.8.8.8")
    assert is_loopback("::1")
    assert not is_loopback("::")
    assert not is_loopback("example.org")


def test_a_token_is_one_line(tmp_path, caplog):
    path = tmp_path / "token"
    path.write_text(f"{TOKEN}\n")
    path.chmod(0o600)
    assert read_token(path) == TOKEN
    assert not caplog.records
    path.chmod(0o644)
    with caplog.at_level(logging.WARNING):
        assert read_token(path) == TOKEN
    assert "chmod 600" in caplog.text
    assert TOKEN not in caplog.text


@pytest.mark.parametrize("content", [b"", b"\n", b"short", b"two words of a token", b"\xff" * 20,
                                     b"one line of\nmany0123456789", b"a" * 5000])  # fmt: skip
def test_a_token_that_is_easy_to_guess_or_cut_is_refused(tmp_path, content):
    path = tmp_path / "token"
    path.write_bytes(content)
    with pytest.raises(CorrosionError, match=r"token_file=.*openssl rand -hex 32"):
        read_token(path)


def test_a_token_that_is_missing_is_refused(tmp_path):
    with pytest.raises(CorrosionError, match="No such file"):
        read_token(tmp_path / "token")
