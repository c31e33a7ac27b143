"""
Arguments of programs without what is secret in them; what is doubtful is taken for a secret.

What runs another program (sudo, env, ssh, sh -c and many more) needs no list: a program that is known is looked for in
all words, and a word with spaces in it is a command line of its own.
"""

import re
import shlex
from collections.abc import Container, Iterator, Sequence

HIDDEN = "***"
MAX_LETTERS = 256
"""How much of a command line is kept: the rest names files, most often."""
PARTS = {
    "pass", "passwd", "password", "passphrase", "pwd", "pw", "secret", "token", "credential", "cred", "auth", "bearer",
    "authorization", "cookie", "session", "sessionid", "signature", "sig", "apikey", "key", "private", "salt", "pin",
    "otp", "dsn", "userpass", "proxyuser", "askpass", "authtoken", "secretkey", "accesskey", "privatekey",
}  # fmt: skip
"""A name is secret if one of its parts is one of these: --db-password, DB_PASSWORD, dbPassword, x-api-key."""
INSIDE = ("pass", "secret", "token", "apikey", "credential")
"""And if it has one of these anywhere, whatever joins its words: PGPASSWORD, mytoken, dbpass, myapi_key."""
SPLIT = re.compile(r"[^A-Za-z0-9]+|(?<=[a-z0-9])(?=[A-Z])")

# The one-letter options of well-known programs that are followed by a secret.
SHORT = {
    "mysql": "p", "mysqldump": "p", "mysqladmin": "p", "mysqlimport": "p", "mysqlshow": "p", "mysqlcheck": "p",
    "mysqlslap": "p", "mysqlpump": "p", "mysqlbinlog": "p", "mysqlsh": "p", "mariadb": "p", "mariadb-dump": "p",
    "mariadb-admin": "p", "mariadb-import": "p", "mariadb-show": "p", "mariadb-check": "p", "mariadb-slap": "p",
    "mariadb-backup": "p", "mariadb-binlog": "p", "mycli": "p", "xtrabackup": "p", "sshpass": "p", "curl": "uUHb",
    "http": "a", "https": "a", "lftp": "u", "redis-cli": "a", "redis-benchmark": "a", "valkey-cli": "a",
    "ldapsearch": "w", "ldapmodify": "w", "ldapadd": "w", "ldapdelete": "w", "ldapwhoami": "w", "ldappasswd": "wsa",
    "smbclient": "U", "rpcclient": "U", "mongo": "p", "mongosh": "p", "mongodump": "p", "mongorestore": "p",
    "mongoexport": "p", "mongoimport": "p", "mongostat": "p", "mongotop": "p", "zip": "P", "unzip": "P", "7z": "p",
    "7za": "p", "7zz": "p", "7zr": "p", "rar": "p", "unrar": "p", "docker": "p", "podman": "p", "nerdctl": "p",
    "buildah": "p", "skopeo": "p", "az": "p", "oc": "p", "sqlcmd": "P", "isql": "P", "tsql": "P", "bcp": "P",
    "cqlsh": "p", "impala-shell": "p", "beeline": "p", "rabbitmqadmin": "p", "mosquitto_pub": "P", "mosquitto_sub": "P",
    "ipmitool": "P", "snmpwalk": "cAX", "snmpget": "cAX", "snmpset": "cAX", "snmpbulkwalk": "cAX", "snmptrap": "cAX",
    "openssl": "k", "rdesktop": "p", "ncftp": "p", "ncftpget": "p", "ncftpput": "p", "ab": "AP", "iscsiadm": "v",
}  # fmt: skip
GIVEN = {"htpasswd", "htdigest", "mkpasswd", "wpa_passphrase", "smbclient", "vncpasswd", "cryptpw"}
"""Programs that take a secret without an option."""
WORDS = {"password", "passwd", "passphrase", "requirepass", "masterauth", "auth"}
"""Words that are followed by a secret: nmcli ... password, redis-cli auth."""
FED = re.compile(r"\bchpasswd\b|-stdin\b|\bsudo\s(?:.*\s)?-[A-Za-z]*S")
"""Command lines that echo a secret to who asks for it."""
JOINTS = re.compile(r"""[\s;|&()<>`'"\[\]{},$=]+""")
VERSION = re.compile(r"(?:\.exe|[-.]?[0-9][0-9.]*)$")
DEEPEST = 8

# What carries its secret in itself, wherever it stands.
SHAPES = [
    (re.compile(r"(\b[a-zA-Z][\w+.\-]*://)[^\s/@]+@"), rf"\1{HIDDEN}@"),
    (re.compile(r"(\b[a-zA-Z][\w+.\-]*://)[^\s/@:]*:[^\s@]*@"), rf"\1{HIDDEN}@"),
    (re.compile(r"\b(?:AKIA|ASIA|AROA|AIDA)[0-9A-Z]{16}\b"), HIDDEN),
    (re.compile(r"\b(?:gh[pousr]|github_pat|glpat|xox[abeprs]|[spr]k|npm|pypi|hf|shpat)[-_][\w\-]{10,}"), HIDDEN),
    (re.compile(r"\beyJ[\w\-]+\.[\w\-]+(?:\.[\w\-]*)?"), HIDDEN),
    (re.compile(r"-----BEGIN .*", re.S), HIDDEN),
    (re.compile(r"(\b(?:Basic|Bearer|Digest|Negotiate)\s+)\S+", re.I), rf"\1{HIDDEN}"),
    (re.compile(r"(\b[\w\-]*(?:cookie|key|token|secret|password|auth)[\w\-]*:\s).*", re.I | re.S), rf"\1{HIDDEN}"),
    # So many letters and digits in one word are a key or a digest; a path begins with a slash.
    (re.compile(r"(?<![\w/+.\-])(?=[a-zA-Z/+_]*[0-9])(?=[0-9/+_]*[a-zA-Z])[\w+][\w+/]{31,}=*(?![\w/+.\-])"), HIDDEN),
]  # fmt: skip
VALUE = r"""(?:"[^"]*"|'[^']*'|[^\s"',;&}]+)"""
ASSIGNED = re.compile(rf"""(?P<name>[\w.\-]+)(?P<sign>\s?=\s?|['"]?\s?:\s?)(?!//)(?P<value>{VALUE})""")
OPTION = re.compile(rf"(?P<name>--?[a-zA-Z][\w.\-]*)(?P<sign>\s+)(?P<value>(?!-){VALUE})")


def redacted(arguments: Sequence[str]) -> str:
    """Return the arguments (the program's name first) as one text, secrets replaced."""
    text = " ".join(words(arguments))
    return text if len(text) <= MAX_LETTERS else text[: MAX_LETTERS - 1] + "…"


def words(arguments: Sequence[str], deep: int = 0) -> list[str]:
    """Return each argument without its secret."""
    short: set[str] = set()
    given = secret_next = False
    kept: list[str] = []
    for number, argument in enumerate(arguments):
        text, announces = one(argument, short, deep)
        if text != argument and arguments[number + 1 : number + 2] and arguments[number + 1].startswith("-"):
            # -psecret has its secret in itself; only -password in the guise of -p is followed by one.
            announces = False
        if secret_next and not argument.startswith("--"):
            # What seems to be an option may be a secret, and what seems to be a secret an option that has one.
            kept.append(HIDDEN)
            secret_next = announces
        else:
            kept.append(HIDDEN if given and not argument.startswith("-") else text)
            secret_next = announces or (number > 0 and argument.lower() in WORDS)
        for name in programs(argument):
            short.update(SHORT.get(name, ""))
            given = given or name in GIVEN
    return kept


def programs(argument: str) -> Iterator[str]:
    """Give what may be the name of a program, with and without its version."""
    for part in JOINTS.split(argument):
        name = part.rpartition("/")[2].lower()
        yield name
        yield VERSION.sub("", name)


def one(argument: str, short: Container[str], deep: int) -> tuple[str, bool]:
    """Return one argument without its secret, and whether the next one is a secret."""
    if argument.startswith("-") and (end := short_end(argument, short)):
        # Behind docker's -p, -password may be another program's.
        return (argument, True) if len(argument) == end else (argument[:end] + HIDDEN, is_secret(argument))
    name, sign, _ = argument.partition("=")
    if sign and is_secret(name) and not any(letter in name for letter in " \t\n?&/:"):
        return f"{name}={HIDDEN}", False
    if argument.startswith("-") and not sign and " " not in argument and is_secret(argument):
        return argument, True
    return command_line(without_shapes(argument), deep), False


def short_end(argument: str, short: Container[str]) -> int:
    """Return where the letter of a secret ends in options that are written together (-su), 0 without one."""
    for at, letter in enumerate(argument[1:], 2):
        if letter in short:
            return at
        if not letter.isalnum():
            break
    return 0


def command_line(text: str, deep: int) -> str:
    """Redact the words of an argument that has several: what a shell, ssh or su is given to run."""
    if len(text.split()) < 2:
        return text
    if deep == DEEPEST or FED.search(text):
        return HIDDEN
    try:
        parts = shlex.split(text)
    except ValueError:
        # A quote that is not ended: nobody knows where a secret would end.
        parts = [part.strip("\"'") for part in text.split()]
        kept = words(parts, deep + 1)
        changed = next((at for at, part in enumerate(kept) if part != parts[at]), None)
        return text if changed is None else " ".join([*kept[:changed], HIDDEN])
    kept = words(parts, deep + 1)
    return text if kept == parts else " ".join(kept)


def is_secret(name: str) -> bool:
    parts = [part.lower() for part in SPLIT.split(name)]
    joined = "".join(parts)
    return any(part in PARTS or part.removesuffix("s") in PARTS for part in parts) or any(
        word in joined for word in INSIDE
    )


def without_shapes(text: str) -> str:
    """Replace what looks like a secret, and what a secret name stands before: in a URL, JSON, a shell's command."""
    for shape, replacement in SHAPES:
        text = shape.sub(replacement, text)
    return OPTION.sub(hidden, ASSIGNED.sub(hidden, text))


def hidden(found: re.Match[str]) -> str:
    keep = HIDDEN in found["value"] or not is_secret(found["name"])
    return found[0] if keep else f"{found['name']}{found['sign']}{HIDDEN}"
