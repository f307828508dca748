"""Units, Compose file, image and proxies name commands, options, settings and times that exist."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import get_commands, load_command_class

from circletake import supervisor
from generation.media.limits import DEFAULT
from tests.deploy import deployed

SECONDS = {"s": 1, "m": 60}


@pytest.mark.parametrize(("place", "words"), deployed.commands().items())
def test_every_command_and_option_exists(place: str, words: list[str]) -> None:
    command = load_command_class(get_commands()[words[0]], words[0])
    command.create_parser("manage.py", words[0]).parse_args(words[1:])


def test_an_option_that_is_none_would_be_noticed() -> None:
    command = load_command_class(get_commands()["work"], "work")
    with pytest.raises(Exception, match="unrecognized arguments: --drains"):
        command.create_parser("manage.py", "work").parse_args(["--drains"])


@pytest.mark.parametrize(("place", "names"), deployed.named().items())
def test_every_variable_that_is_set_is_read(place: str, names: set[str]) -> None:
    assert names - deployed.OTHERS - deployed.read_by_settings() == set()
    assert names


def test_every_variable_that_is_read_is_in_the_table() -> None:
    assert deployed.read_by_settings() - deployed.documented() == set()


def test_the_example_has_all_that_production_wants() -> None:
    example = deployed.environment()
    wanted = {"PRODUCTION", "SECRET_KEY", "ENCRYPTION_KEYS", "ALLOWED_HOSTS", "DATABASE_URL", "PUBLIC_URL"}
    assert wanted <= example.keys()
    assert (example["SECRET_KEY"], example["ENCRYPTION_KEYS"]) == ("", "")  # nobody starts with an example's


def test_a_stop_is_given_as_long_as_a_drain_takes() -> None:
    least = settings.DRAIN_SECONDS + supervisor.STOP_SECONDS
    assert int(deployed.unit("circletake-work.service")["TimeoutStopSec"][0]) > least
    grace = deployed.compose()["services"]["work"]["stop_grace_period"]
    assert int(grace[:-1]) * SECONDS[grace[-1]] > least
    assert deployed.environment()["DRAIN_SECONDS"] == str(settings.DRAIN_SECONDS)


def test_systemd_understands_the_units(tmp_path: Path) -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is missing")
    for path in deployed.UNITS:
        text = path.read_text().replace("/opt/circletake/.venv/bin/python", sys.executable)
        (tmp_path / path.name).write_text(text)
    files = sorted(str(path) for path in tmp_path.iterdir())
    done = subprocess.run(
        [program, "verify", "--man=no", *files], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_compose_file_is_whole() -> None:
    found = deployed.compose()
    services = found["services"]
    for name, service in services.items():
        for other in service.get("depends_on", {}):
            assert other in services, name
        for volume in service.get("volumes", []):
            source = volume.partition(":")[0]
            assert source in found["volumes"] or (deployed.DEPLOY / source).exists(), name
        assert "image" in service, name
    web = services["web"]
    assert "/healthz" in web["healthcheck"]["test"][-1]
    assert services["work"]["environment"] is web["environment"]  # one settings for all


def test_docker_compose_understands_the_file(tmp_path: Path) -> None:
    docker = shutil.which("docker")
    has = (
        docker and subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode
    )
    if docker is None or has != 0:
        pytest.skip("docker compose is missing")
    shutil.copytree(deployed.DEPLOY, tmp_path / "deploy")
    shutil.copy(deployed.DEPLOY / "environment.example", tmp_path / "deploy" / "environment")
    command = [docker, "compose", "-f", str(tmp_path / "deploy" / "compose.yaml"), "config", "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("file", "pattern"),
    [("nginx.conf", r"client_max_body_size (\d+)m;"), ("Caddyfile", r"max_size (\d+)MiB")],
)
def test_a_proxy_lets_the_largest_upload_through_and_says_how_it_was_asked(file: str, pattern: str) -> None:
    text = (deployed.DEPLOY / file).read_text()
    (size,) = re.findall(pattern, text)
    assert int(size) * 1_000_000 > DEFAULT.bytes or int(size) * 1024**2 > DEFAULT.bytes
    passes = text.count("proxy_pass ") + text.count("reverse_proxy ")
    for header in ("X-Forwarded-Proto", "X-Real-IP"):  # both are believed with BEHIND_PROXY
        assert len(re.findall(rf"(?m)^\s*(?:proxy_set_header|header_up) {header} ", text)) == passes > 0


def test_nginx_understands_its_site(tmp_path: Path) -> None:
    program = shutil.which("nginx")
    if program is None:
        pytest.skip("nginx is missing")
    key = tmp_path / "key.pem"
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", key]
    subprocess.run([*made, "-subj", "/CN=x"], check=True, capture_output=True)
    site = re.sub(r"/etc/ssl/\S+?;", f"{key};", (deployed.DEPLOY / "nginx.conf").read_text())
    (tmp_path / "nginx.conf").write_text(f"pid {tmp_path}/pid; events {{}} http {{ {site} }}")
    done = subprocess.run(
        [program, "-t", "-p", tmp_path, "-e", "stderr", "-c", tmp_path / "nginx.conf"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_the_image_takes_in_what_the_program_needs_and_no_more() -> None:
    docker = (deployed.DEPLOY / "Dockerfile").read_text()
    copied = set(re.findall(r"(?m)^COPY (?!--from)(\S+)", docker)) | {"pyproject.toml"}
    let_in = {
        line[1:]
        for line in (deployed.DEPLOY / "Dockerfile.dockerignore").read_text().split()
        if line[0] == "!"
    }
    assert copied | {"pyproject.toml"} == let_in
    assert all((deployed.ROOT / name).exists() for name in let_in)
    assert docker.count("\nUSER circletake\n") == 1
