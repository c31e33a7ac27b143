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
        ["app", "--dbpass", SECRET],
        ["app", f"--dbpass={SECRET}"],
        ["app", "-dbpass", SECRET],
        ["app", "--key-passphrase", SECRET],
        ["app", "--my_api_key", SECRET],
        ["app", "--myapi-key", SECRET],
        ["app", "--awscredentials", SECRET],
        ["openssl", "rsa", "-passin", f"pass:{SECRET}"],
        ["curl", "-su", f"alice:{SECRET}", "https://x"],
        ["curl", f"-sSualice:{SECRET}", "https://x"],
        ["snmpwalk", "-v2c", "-c", SECRET, "host"],
        ["mysql", "-hshop", "-p", SECRET],
        ["mysql", "-p", "-p", SECRET],
        ["mysql", "-h", "zip", f"-p{SECRET}"],
        ["mysql8.0", f"-p{SECRET}"],
        ["htpasswd", "-b", "/etc/users", "alice", SECRET],
        ["nmcli", "device", "wifi", "connect", "home", "password", SECRET],
        ["redis-cli", "AUTH", SECRET],
        ["sh", "-c", f"echo root:{SECRET} | chpasswd"],
        ["sh", "-c", f"echo {SECRET} | docker login --password-stdin"],
        ["sh", "-c", f"echo {SECRET} | sudo -u root -S id"],
    ],
)  # fmt: skip
def test_a_secret_is_not_recorded(arguments: list[str]) -> None:
    text = redacted(arguments)

    assert HIDDEN in text
    assert SECRET not in text
    assert not {"AKIAABCDEFGHIJKLMNOP", JWT, "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY9"} & set(text.split())
    assert "9f86d081" not in text


WRAPPERS = [
    ["sudo"], ["sudo", "-u", "x", "-n"], ["doas", "-u", "x"], ["env"], ["env", "-i", "A=1", "B=2"], ["nice", "-n", "5"],
    ["nohup"], ["timeout", "-s", "KILL", "5"], ["time", "-p"], ["strace", "-f", "-o", "/tmp/x"], ["ionice", "-c", "3"],
    ["setsid", "-w"], ["chroot", "/srv"], ["busybox"], ["xargs", "-n", "1"], ["ssh", "-p", "22", "host"],
    ["docker", "exec", "-it", "box"], ["podman", "run", "--rm", "-e", "A=1", "image"], ["kubectl", "exec", "pod", "--"],
    ["find", "/x", "-exec"], ["sudo", "env", "A=1", "nice", "timeout", "5"], ["systemd-run", "--scope"], ["watch"],
]  # fmt: skip
SHELLS = [
    ["sh", "-c"], ["bash", "-lc"], ["/bin/dash", "-e", "-c"], ["zsh", "-c"], ["busybox", "sh", "-c"], ["ssh", "host"],
    ["sudo", "bash", "-c"], ["su", "-", "x", "-c"], ["docker", "exec", "box", "sh", "-c"], ["timeout", "5", "sh", "-c"],
    ["watch"], ["flock", "/x", "-c"], ["env", "-S"],
]  # fmt: skip
COMMANDS = [
    ["mysql", "-uroot", f"-p{SECRET}"],
    ["/usr/bin/mysqldump", "-p", SECRET],
    ["curl", "-u", f"me:{SECRET}", "https://x"],
    ["sshpass", "-p", SECRET, "ssh", "host"],
    ["redis-cli", "-a", SECRET],
    ["app", "--dbpass", SECRET],
    ["app", "-password", SECRET],
    ["env", f"PGPASSWORD={SECRET}", "psql"],
]


@pytest.mark.parametrize("wrapper", WRAPPERS, ids=" ".join)
def test_a_secret_behind_a_wrapper_is_not_recorded(wrapper: list[str]) -> None:
    for command in COMMANDS:
        text = redacted([*wrapper, *command])

        assert SECRET not in text
        assert HIDDEN in text
        assert text.startswith(wrapper[0])


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
@pytest.mark.parametrize(
    "script",
    [
        "{}", "exec {}", "cd /srv; {}", "cd /srv;{} && ls", "for x in 1 2; do {}; done", "A=$({})", 'echo "$({})"',
        "echo `{} | wc -l`", "sh -c '{}'", "ssh host \"sh -c '{}'\"", "echo 'unended; {}", "set -e\n{}\nls\n", "({})",
    ],
)  # fmt: skip
def test_a_secret_in_a_script_is_not_recorded(shell: list[str], script: str) -> None:
    for command in COMMANDS:
        text = redacted([*shell, script.format(" ".join(command))])

        assert SECRET not in text
        assert HIDDEN in text


def test_a_quoted_secret_in_a_script_is_hidden_to_its_end() -> None:
    assert redacted(["sh", "-c", "mysql -p'a b;c' shop"]) == "sh -c mysql -p*** shop"
    assert redacted(["sh", "-c", 'mysql -p"a b;c shop']) == "sh -c mysql ***"


def test_options_that_a_script_hands_on_are_those_of_its_program() -> None:
    assert redacted(["sh", "-c", 'exec mysql "$@"', "--", f"-p{SECRET}"]) == 'sh -c exec mysql "$@" -- -p***'


@pytest.mark.parametrize(
    "arguments",
    [
        ["sudo", "-u", "postgres", "/usr/bin/psql", "-p", "5432"],
        ["ssh", "-p", "22", "host", "uptime -p"],
        ["sh", "-c", "echo 'a  b' | sort -u > \"/tmp/x y\""],
        ["bash", "-c", "while true; do it's done"],
        ["env", "LANG=C", "nice", "-n", "5", "make", "-j8"],
        ["python3", "-c", "import sys; print(sys.argv)"],
        ["docker", "exec", "-it", "box", "ls", "-l"],
        ["curl", "-fsSL", "-o", "/tmp/x", "https://example.org/x"],
        ["sshd:", "alice@pts/0"],
        ["nginx: worker process"],
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
