import pytest

from corrosion.errors import CorrosionError
from corrosion.sweep.storage import open_storage, without_password


@pytest.mark.parametrize("url", ["sqlite:////no/such/folder/study.db", "nonsense", "oracle://x"])
def test_a_database_that_cannot_be_used_is_an_error_that_says_what_can(url):
    with pytest.raises(CorrosionError, match=r"hydra\.sweeper\.storage=.*postgresql\+psycopg"):
        open_storage(url, heartbeat=60)


def test_a_password_is_not_shown():
    assert "secret" not in without_password("postgresql+psycopg://user:secret@host/studies")
    assert "host/studies" in without_password("postgresql+psycopg://user:secret@host/studies")
