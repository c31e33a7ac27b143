"""A browser that is driven as a person would: chromium over the pipe of its debugging protocol."""

import base64
import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")


def found() -> str | None:
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class Browser:
    """Headless chromium with one page; what it asks for, what it says and the dialogs it opens are kept."""

    def __init__(self, program: str, profile: Path, *options: str):
        to_child, self.out = os.pipe()
        self.into, from_child = os.pipe()

        # The protocol is spoken on the numbers 3 and 4.
        command = [
            program, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run",
            "--remote-debugging-pipe", "--disable-background-networking", "--disable-component-update",
            f"--user-data-dir={profile}", *options,
        ]  # fmt: skip
        self.process = subprocess.Popen(
            ["bash", "-c", f'exec "$0" "$@" 3<&{to_child} 4>&{from_child}', *command],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            pass_fds=(to_child, from_child),
        )  # fmt: skip
        os.close(to_child)
        os.close(from_child)
        self.buffer, self.number, self.session = b"", 0, ""
        self.requests: list[str] = []
        self.by_id: dict[str, str] = {}
        self.blocked: list[str] = []
        """What was asked for and never sent."""
        self.said: list[str] = []
        self.loaded = 0
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log", "DOM"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.out, json.dumps(message).encode() + b"\0")
        wanted = self.number
        while True:
            answer = self.receive(30)
            if answer is None:
                raise TimeoutError(method)
            if answer.get("id") == wanted:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                result: dict[str, Any] = answer["result"]
                return result

    def receive(self, seconds: float) -> dict[str, Any] | None:
        while b"\0" not in self.buffer:
            if not select.select([self.into], [], [], seconds)[0]:
                return None
            piece = os.read(self.into, 1 << 20)
            if not piece:
                raise EOFError("the browser ended")
            self.buffer += piece
        line, _, self.buffer = self.buffer.partition(b"\0")
        message: dict[str, Any] = json.loads(line)
        self.heard(message)
        return message

    def heard(self, message: dict[str, Any]) -> None:
        method, parameters = message.get("method"), message.get("params", {})
        if method == "Network.requestWillBeSent":
            self.requests.append(parameters["request"]["url"])
            self.by_id[parameters["requestId"]] = parameters["request"]["url"]
        elif method == "Network.loadingFailed" and "blockedReason" in parameters:
            self.blocked.append(self.by_id.get(parameters["requestId"], ""))
        elif method == "Log.entryAdded":
            self.said.append(parameters["entry"]["text"])
        elif method == "Runtime.consoleAPICalled":
            self.said.append(str(parameters["args"]))
        elif method == "Runtime.exceptionThrown":
            self.said.append(str(parameters["exceptionDetails"]))
        elif method == "Page.javascriptDialogOpening":
            self.said.append(f"dialog: {parameters['message']}")
            self.number += 1
            close = {"id": self.number, "method": "Page.handleJavaScriptDialog", "params": {"accept": True}}
            os.write(self.out, json.dumps({**close, "sessionId": self.session}).encode() + b"\0")
        elif method == "Page.loadEventFired":
            self.loaded += 1

    def forget(self) -> None:
        """Begin anew: without cookies, and with nothing that was asked for or said."""
        self.open("about:blank")
        self.call("Network.clearBrowserCookies")
        self.call("Network.clearBrowserCache")
        self.size(1440, 900)
        self.requests.clear()
        self.blocked.clear()
        self.said.clear()

    def text(self) -> str:
        """What a person reads on the page."""
        return str(self.run("document.body.innerText")).replace("\N{NARROW NO-BREAK SPACE}", " ")

    def open(self, url: str) -> None:
        before = self.loaded
        self.call("Page.navigate", url=url)
        self.wait(lambda: self.loaded > before)

    def run(self, script: str) -> Any:
        """Return what a script gives, which may be a promise."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def wait(self, until: Any, seconds: float = 30) -> None:
        deadline = time.monotonic() + seconds
        while not until():
            assert time.monotonic() < deadline, self.said
            self.receive(0.05)

    def wait_for(self, script: str, seconds: float = 30) -> None:
        self.wait(lambda: self.quietly(script), seconds)

    def quietly(self, script: str) -> Any:
        """Return what a script gives, or nothing while one page goes and the next comes."""
        try:
            return self.run(script)
        except (RuntimeError, AssertionError):
            return None

    def submitting(self, script: str) -> None:
        """Do what leads to another page, and wait for it."""
        before = self.loaded
        self.run(script)
        self.wait(lambda: self.loaded > before)

    def choose(self, selector: str, *files: Path) -> None:
        """Choose files in a field for files, as its dialog would."""
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        node = self.call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.call("DOM.setFileInputFiles", nodeId=node, files=[str(file) for file in files])

    def drop(self, selector: str, *files: Path) -> None:
        """Drag files from outside and drop them."""
        middle = "(b => [b.x + b.width / 2, b.y + b.height / 2])"
        box = self.run(f"{middle}(document.querySelector({selector!r}).getBoundingClientRect())")
        data = {"items": [], "files": [str(file) for file in files], "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            self.call("Input.dispatchDragEvent", type=kind, x=box[0], y=box[1], data=data)

    def press(self, key: str, text: str = "") -> None:
        codes = {"Tab": 9, "Enter": 13}
        more = {"text": "\r"} if key == "Enter" else {"text": text} if text else {}
        self.call(
            "Input.dispatchKeyEvent", type="keyDown", key=key, code=key, windowsVirtualKeyCode=codes.get(key, 0), **more
        )
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key, code=key, windowsVirtualKeyCode=codes.get(key, 0))

    def pressing(self, key: str) -> None:
        """Press what leads to another page, and wait for it."""
        before = self.loaded
        self.press(key)
        self.wait(lambda: self.loaded > before)

    def focus(self, selector: str) -> None:
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        self.call("DOM.focus", nodeId=self.call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"])

    def type(self, text: str) -> None:
        self.call("Input.insertText", text=text)

    def size(self, width: int, height: int, dark: bool = False) -> None:
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        scheme = "dark" if dark else "light"
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def shot(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", captureBeyondViewport=True)["data"]))

    def scripts(self, on: bool) -> None:
        self.call("Emulation.setScriptExecutionDisabled", value=not on)

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(20)
        os.close(self.out)
        os.close(self.into)
