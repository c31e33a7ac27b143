// Uploads with progress and by drag and drop. Without it the form works all the same: this sends the same form and puts
// the result of the same page in its place. What is not ours is only ever written as text.
"use strict";

// A browser may put a page aside and show it again after its session has ended: it is then empty, and loaded anew.
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
document.querySelector(".out").addEventListener("submit", () => document.querySelector("main").remove());

(() => {
  const form = document.getElementById("upload-form");
  if (!form) return;
  const file = document.getElementById("file");
  const machine = document.getElementById("machine_id");
  const drop = form.querySelector(".drop");
  const hint = document.getElementById("machine-hint");
  const button = form.querySelector("button[type=submit]");
  const sending = form.querySelector(".sending");
  const bar = form.querySelector("progress");
  const text = form.querySelector(".sending-text");
  const most = Number(form.dataset.maxBytes);
  const machineId = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
  const explained = hint.textContent;
  let filled = "", request = null;

  const size = (bytes) => bytes < 1048576 ? `${Math.max(1, Math.round(bytes / 1024))} KiB` : `${(bytes / 1048576).toFixed(1)} MiB`;

  // A card like those of the page, for what the receiver could not say itself.
  const complain = (sentence) => {
    const card = document.createElement("section"), title = document.createElement("h2"), what = document.createElement("p");
    const word = document.createElement("span");
    card.id = "result";
    card.className = "card critical";
    card.setAttribute("role", "alert");
    word.className = "severity critical";
    word.textContent = "▲ Not stored";
    title.append(word);
    what.className = "what";
    what.textContent = sentence;
    card.append(title, what);
    show(card);
  };

  const show = (result) => {
    document.getElementById("result").replaceWith(result);
    result.tabIndex = -1;
    result.focus({ preventScroll: true });
    result.scrollIntoView({ block: "nearest" });
  };

  const checked = () => {
    const chosen = file.files[0];
    const wrong = chosen && chosen.size > most
      ? `The file has ${size(chosen.size)}, and at most ${form.dataset.maxText} are taken. Packed with gzip (.gz) a recording is a tenth as large.` : "";
    file.setCustomValidity(wrong);
    return wrong === "";
  };

  // Whose the file is, it often says itself: in a CSV in the first row, else perhaps by its name.
  const suggest = async () => {
    const chosen = file.files[0];
    if (!chosen || (machine.value !== "" && machine.value !== filled)) return;
    let found = "", why = "as the file says";
    if (/\.csv$/i.test(chosen.name)) {
      const [head, row] = (await chosen.slice(0, 65536).text()).split(/\r?\n/);
      const at = (head || "").replace(/^\uFEFF/, "").split(",").indexOf("machine_id");
      if (at >= 0) found = ((row || "").split(",")[at] || "").replace(/"/g, "").trim();
    }
    if (!machineId.test(found)) {
      found = chosen.name.replace(/\.(csv|json)(\.gz)?$/i, "");
      why = "as the file is called: change it if that is another";
    }
    if (chosen !== file.files[0] || !machineId.test(found) || (machine.value !== "" && machine.value !== filled)) return;
    machine.value = filled = found;
    hint.textContent = `${found}, ${why}.`;
  };

  const choose = () => {
    if (checked()) suggest();
    else file.reportValidity();
  };

  const end = () => {
    request = null;
    sending.hidden = true;
    button.disabled = false;
  };

  const answered = (answer) => {
    const page = answer.response;
    const result = page && page.getElementById("result");
    end();
    if (!result || !result.firstElementChild && !result.textContent.trim()) {
      complain(`The answer was not the receiver's (HTTP ${answer.status}): a proxy before it may have a smaller limit. Nothing is known of the file: upload it again, which stores nothing twice.`);
      return;
    }
    show(document.adoptNode(result));
    for (const id of ["stored", "summary"]) {
      const old = document.getElementById(id), now = page.getElementById(id);
      if (old && now) old.replaceWith(document.adoptNode(now));
    }
    if (answer.status === 401) {
      const again = document.createElement("a");
      again.href = "/sign-in";
      again.textContent = "Sign in again";
      document.getElementById("result").append(" ", again);
    } else if (answer.status === 200) {
      form.reset();
      filled = "";
      hint.textContent = explained;
    }
  };

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (request || !checked()) return;
    request = new XMLHttpRequest();
    const asked = request;
    asked.open("POST", form.action);
    asked.responseType = "document";
    asked.setRequestHeader("Accept", "text/html");
    asked.upload.addEventListener("progress", (progress) => {
      if (asked !== request || !progress.lengthComputable) return;
      bar.value = 100 * progress.loaded / progress.total;
      text.textContent = `Sending: ${Math.floor(bar.value)} % of ${size(progress.total)}.`;
    });
    asked.upload.addEventListener("load", () => {
      bar.removeAttribute("value");
      text.textContent = "Sent. Reading and storing it …";
    });
    asked.addEventListener("load", () => answered(asked));
    asked.addEventListener("error", () => {
      end();
      complain("The connection broke before there was an answer. Upload the file again: nothing is stored twice.");
    });
    asked.addEventListener("abort", () => {
      end();
      complain("Cancelled. If all of the file had been sent, it may have been stored: uploading it again says so.");
    });
    bar.value = 0;
    text.textContent = "Sending …";
    sending.hidden = false;
    button.disabled = true;
    asked.send(new FormData(form));
  });

  document.getElementById("cancel").addEventListener("click", () => request && request.abort());
  window.addEventListener("beforeunload", (event) => { if (request) event.preventDefault(); });
  file.addEventListener("change", choose);

  drop.classList.add("ready");
  drop.querySelector(".drop-hint").hidden = false;
  const files = (event) => event.dataTransfer && [...event.dataTransfer.types].includes("Files");
  // Anywhere on the page: a browser opens in our place what is dropped beside.
  document.addEventListener("dragover", (event) => {
    if (!files(event)) return;
    event.preventDefault();
    drop.classList.add("over");
  });
  document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) drop.classList.remove("over"); });
  document.addEventListener("drop", (event) => {
    if (!files(event)) return;
    event.preventDefault();
    drop.classList.remove("over");
    if (request) return;
    if (event.dataTransfer.files.length !== 1) {
      complain("One file at a time, and no folders: the administrator can import whole folders with `perfanalysis import`.");
      return;
    }
    file.files = event.dataTransfer.files;
    choose();
  });
})();
