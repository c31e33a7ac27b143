"""Arguments of programs without what is secret in them; what is doubtful is taken for a secret."""

import re
from collections.abc import Sequence

HIDDEN = "***"
MAX_LETTERS = 256
"""How much of a command line is kept: the rest names files, most often."""
PARTS = {
    "pass", "passwd", "password", "passphrase", "pwd", "pw", "secret", "token", "credential", "cred", "auth", "bearer",
    "authorization", "cookie", "session", "sessionid", "signature", "sig", "apikey", "key", "private", "salt", "pin",
    "otp", "dsn", "userpass", "proxyuser", "askpass", "authtoken", "secretkey", "accesskey", "privatekey",
}  # fmt: skip
"""A name is secret if one of its parts is one of these: --db-password, DB_PASSWORD, dbPassword, x-api-key."""
INSIDE = ("passw", "secret", "token", "apikey", "credential")
"""And if it has one of these anywhere: PGPASSWORD, mytoken."""
SPLIT = re.compile(r"[^A-Za-z0-9]+|(?<=[a-z0-9])(?=[A-Z])")

# The one-letter options of well-known programs that are followed by a secret.
SHORT = {
    "mysql": "p", "mysqldump": "p", "mysqladmin": "p", "mariadb": "p", "mariadb-dump": "p", "mariadb-admin": "p",
    "sshpass": "p", "curl": "uUHb", "redis-cli": "a", "ldapsearch": "w", "ldapmodify": "w", "smbclient": "U",
    "mongo": "p", "mongosh": "p", "mongodump": "p", "zip": "P", "unzip": "P", "7z": "p", "docker": "p", "sqlcmd": "P",
    "isql": "P", "bcp": "P", "ipmitool": "P", "snmpwalk": "cAX", "snmpget": "cAX", "openssl": "k", "htpasswd": "b",
}  # fmt: skip

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
    short = SHORT.get(arguments[0].rpartition("/")[2], "") if arguments else ""
    kept: list[str] = []
    secret_next = False
    for argument in arguments:
        if secret_next and not argument.startswith("--"):
            kept.append(HIDDEN)
            secret_next = False
        else:
            text, secret_next = one(argument, short)
            kept.append(text)
    text = " ".join(kept)
    return text if len(text) <= MAX_LETTERS else text[: MAX_LETTERS - 1] + "…"


def one(argument: str, short: str) -> tuple[str, bool]:
    """Return one argument without its secret, and whether the next one is a secret."""
    if len(argument) > 1 and argument[0] == "-" and argument[1] in short:
        return (argument, True) if len(argument) == 2 else (argument[:2] + HIDDEN, False)
    name, sign, _ = argument.partition("=")
    if sign and is_secret(name) and not any(letter in name for letter in " \t\n?&/:"):
        return f"{name}={HIDDEN}", False
    if argument.startswith("-") and not sign and " " not in argument and is_secret(argument):
        return argument, True
    return without_shapes(argument), False


def is_secret(name: str) -> bool:
    parts = [part.lower() for part in SPLIT.split(name)]
    return any(part in PARTS or part.removesuffix("s") in PARTS for part in parts) or any(
        word in name.lower() for word in INSIDE
    )


def without_shapes(text: str) -> str:
    """Replace what looks like a secret, and what a secret name stands before: in a URL, JSON, a shell's command."""
    for shape, replacement in SHAPES:
        text = shape.sub(replacement, text)
    return OPTION.sub(hidden, ASSIGNED.sub(hidden, text))


def hidden(found: re.Match[str]) -> str:
    keep = HIDDEN in found["value"] or not is_secret(found["name"])
    return found[0] if keep else f"{found['name']}{found['sign']}{HIDDEN}"
