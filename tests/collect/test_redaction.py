"""Arguments of programs: no secret is recorded, whatever way it is given."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.collect.redaction import HIDDEN, MAX_LETTERS, redacted

SECRET = "hunter2Xy"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.s1gn4ture_x"


@pytest.mark.parametrize(
    "arguments",
    [
        ["app", "--password", SECRET],
        ["app", f"--password={SECRET}"],
        ["app", f"--db-password={SECRET}"],
        ["app", "--dbPassword", SECRET],
        ["app", "-password", SECRET],
        ["app", f"-Djavax.net.ssl.keyStorePassword={SECRET}"],
        ["java", f"-Dspring.datasource.password={SECRET}", "-jar", "app.jar"],
        ["app", "--token", SECRET],
        ["app", "--api-key", SECRET],
        ["app", "--apikey", SECRET],
        ["app", f"--secret-key={SECRET}"],
        ["app", f"--client_secret={SECRET}"],
        ["app", "--credentials", SECRET],
        ["app", "--auth-token", f"-{SECRET}"],
        ["env", f"PGPASSWORD={SECRET}", "psql"],
        ["env", f"AWS_SECRET_ACCESS_KEY={SECRET}", "aws"],
        ["env", f"MYTOKEN={SECRET}"],
        ["sh", "-c", f"PGPASSWORD={SECRET} psql -h db"],
        ["sh", "-c", f"mysql --password {SECRET} -h db"],
        ["sh", "-c", f"app --token='{SECRET} and more'"],
        ["sh", "-c", f"export API_TOKEN=\"{SECRET}\"; app"],
        ["bash", "-c", f"curl -H 'X-Api-Key: {SECRET}' https://x"],
        ["mysql", f"-p{SECRET}", "-h", "db"],
        ["/usr/bin/mysqldump", "-u", "root", f"-p{SECRET}"],
        ["sshpass", "-p", SECRET, "ssh", "x"],
        ["redis-cli", "-a", SECRET],
        ["curl", "-u", f"alice:{SECRET}", "https://x"],
        ["curl", "-H", f"Authorization: Bearer {SECRET}", "https://x"],
        ["curl", f"-HAuthorization: Basic {SECRET}"],
        ["wget", f"--header=Authorization: Bearer {SECRET}"],
        ["http", f"Authorization: Token {SECRET}"],
        ["curl", "--cookie", f"session={SECRET}"],
        ["curl", f"https://alice:{SECRET}@example.org/x"],
        ["app", f"postgresql://app:{SECRET}@db:5432/app?sslmode=require"],
        ["app", f"redis://:{SECRET}@cache:6379/0"],
        ["git", "clone", f"https://{SECRET}@example.org/x.git"],
        ["curl", f"https://example.org/x?access_token={SECRET}&page=2"],
        ["curl", f"https://example.org/x?page=2&sig={SECRET}"],
        ["curl", "-d", f'{{"user": "alice", "password": "{SECRET}"}}'],
        ["app", f'{{"apiKey":"{SECRET}"}}'],
        ["app", f"Server=db;Database=x;User Id=sa;Password={SECRET};"],
        ["app", "--config", f"password: {SECRET}"],
        ["app", "AKIA" + "ABCDEFGHIJKLMNOP"],
        ["app", "ghp_" + SECRET * 4],
        ["app", "glpat-" + SECRET * 2],
        ["app", "xoxb-" + SECRET * 2],
        ["app", "sk-" + SECRET * 4],
        ["app", JWT],
        ["app", "-----BEGIN PRIVATE KEY-----\n" + SECRET],
        ["app", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY9"],
        ["app", "9f86d081884c7d659a2feaa0c55ad015"],
    ],
)  # fmt: skip
def test_a_secret_is_not_recorded(arguments: list[str]) -> None:
    text = redacted(arguments)

    assert HIDDEN in text
    assert SECRET not in text
    assert not {"AKIAABCDEFGHIJKLMNOP", JWT, "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY9"} & set(text.split())
    assert "9f86d081" not in text


@pytest.mark.parametrize(
    "arguments",
    [
        ["/usr/sbin/nginx", "-g", "daemon on; master_process on;"],
        ["java", "-Xmx4g", "-XX:+UseG1GC", "-jar", "/srv/app/app.jar", "--server.port=8080"],
        ["postgres:", "checkpointer"],
        ["/usr/lib/postgresql/15/bin/postgres", "-D", "/var/lib/postgresql/15/main"],
        ["python3", "-m", "http.server", "8000"],
        ["sh", "-c", "sleep 5 && ls -l /var/log"],
        ["rsync", "-az", "--delete", "/home/", "backup:/home/"],
        ["curl", "https://example.org/x?page=2&size=10"],
        ["tar", "czf", "/backup/2026-01-01T00:00:00.tar.gz", "/home"],
        ["app", "--user", "alice", "--host=db.example.org", "--monkey", "--turnkey"],
        [],
    ],
)
def test_what_is_no_secret_is_kept(arguments: list[str]) -> None:
    assert redacted(arguments) == " ".join(arguments)


def test_what_stands_beside_a_secret_is_kept() -> None:
    assert redacted(["mysql", "-h", "db", "--password", "x", "shop"]) == "mysql -h db --password *** shop"
    assert redacted(["app", "postgresql://app:x@db:5432/shop"]) == "app postgresql://***@db:5432/shop"
    assert redacted(["curl", "https://x/?token=1&page=2"]) == "curl https://x/?token=***&page=2"


def test_an_option_without_a_value_hides_no_other_option() -> None:
    assert redacted(["app", "--no-password", "--verbose"]) == "app --no-password --verbose"


def test_a_long_command_line_is_cut() -> None:
    text = redacted(["app", *["/srv/file"] * 100])

    assert len(text) == MAX_LETTERS
    assert text.endswith("…")


@given(st.lists(st.text(max_size=60), max_size=8))
def test_any_arguments_can_be_redacted(arguments: list[str]) -> None:
    assert len(redacted(arguments)) <= MAX_LETTERS


@given(
    st.sampled_from(["--password", "--token", "--api-key"]), st.lists(st.sampled_from(["a", "-v", "x=1"]), max_size=3)
)
def test_a_secret_is_hidden_wherever_it_stands(option: str, around: list[str]) -> None:
    assert SECRET not in redacted(["app", *around, option, SECRET, *around])
