from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from domain.settings import SettingsError
from workers.launcher.environment import prepare_environment
from workers.launcher.secret import kept_secret
from workers.launcher.state import AlreadyRunning, State


def test_one_launcher_at_a_time_and_nothing_left_behind(tmp_path: Path) -> None:
    state = State(tmp_path / ".local")

    with state.held(), pytest.raises(AlreadyRunning), state.held():
        pass
    with state.held():
        assert list(state.folder.iterdir()) == []


def test_the_folder_is_the_owners_alone(tmp_path: Path) -> None:
    state = State(tmp_path / ".local")
    with state.held():
        assert stat.S_IMODE(state.folder.stat().st_mode) == 0o700


def test_removing_takes_along_what_had_to_move_elsewhere(tmp_path: Path) -> None:
    state = State(tmp_path / ".local")
    moved = tmp_path / "elsewhere"
    (moved / "data").mkdir(parents=True)
    state.postgres.mkdir(parents=True)
    (state.postgres / "elsewhere").symlink_to(moved)

    state.remove()

    assert not moved.exists()
    assert not state.folder.exists()


def test_a_secret_is_made_once_and_is_its_owners_alone(tmp_path: Path) -> None:
    file = tmp_path / "secret"

    secret = kept_secret(file)

    assert len(secret) >= 32
    assert kept_secret(file) == secret
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


class TestEnvironment:
    @pytest.fixture
    def state(self, tmp_path: Path) -> State:
        return State(tmp_path)

    def test_what_is_set_is_kept_and_what_is_not_gets_a_default(self, state: State) -> None:
        environment = prepare_environment({"PORT": "8001", "PATH": "/bin"}, state, terminal=False)

        assert environment["PORT"] == "8001"
        assert environment["WEB_CONCURRENCY"] == "2"
        assert environment["HOST"] == "127.0.0.1"
        assert environment["JWT_SECRET"] == kept_secret(state.jwt_secret)
        assert environment["PATH"].endswith(f"{os.pathsep}/bin")
        assert "LOG_FORMAT" not in environment

    def test_on_a_terminal_logs_are_for_people(self, state: State) -> None:
        assert prepare_environment({}, state, terminal=True)["LOG_FORMAT"] == "console"

    def test_an_empty_url_is_none(self, state: State) -> None:
        assert "DATABASE_URL" not in prepare_environment({"DATABASE_URL": " "}, state, terminal=False)

    def test_no_secret_is_made_where_keys_come_from_elsewhere(self, state: State) -> None:
        environment = prepare_environment({"JWT_JWKS_URL": "https://id.example/keys"}, state, terminal=False)

        assert "JWT_SECRET" not in environment
        assert not state.jwt_secret.exists()

    def test_bad_settings_are_found_before_anything_starts(self, state: State) -> None:
        with pytest.raises(SettingsError, match="PORT: a whole number"):
            prepare_environment({"PORT": "eighty"}, state, terminal=False)
