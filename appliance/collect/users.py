"""Names of users, from the system's own file: a directory service could keep the recorder waiting."""

import os

PASSWD = "/etc/passwd"  # noqa: S105 - a path, not a password


class Users:
    def __init__(self, path: str = PASSWD) -> None:
        self.path = path
        self.changed_ns = -1
        self.names: dict[int, str] = {}

    def name(self, number: int) -> str:
        """Return what a user is called, or his number where that file does not know him."""
        return self.names.get(number) or str(number)

    def refresh(self) -> None:
        """Read the file again if it was changed."""
        try:
            changed_ns = os.stat(self.path).st_mtime_ns  # noqa: PTH116
            if changed_ns == self.changed_ns:
                return
            with open(self.path, encoding="utf-8", errors="backslashreplace") as file:  # noqa: PTH123
                lines = file.read().splitlines()
        except OSError:
            return
        self.changed_ns = changed_ns
        self.names = {}
        for line in lines:
            fields = line.split(":")
            if len(fields) > 2 and fields[2].isdigit():
                self.names.setdefault(int(fields[2]), fields[0])
