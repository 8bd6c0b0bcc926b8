// Puts fresh figures in place of the old while the page is looked at. Without it, the page reloads itself.
"use strict";
(() => {
  const EVERY = 3000; // milliseconds between looks
  const PATIENCE = 8000;
  const board = document.getElementById("board");
  const pulse = document.getElementById("pulse");
  const button = document.getElementById("pause");
  const label = pulse.querySelector("span");
  let paused = false;
  let timer = 0;
  let looking = false;

  const tell = (state) => {
    const at = (document.querySelector(".as-of time") || {}).dateTime;
    const clock = at ? new Date(at).toLocaleTimeString("zh-CN", { timeZone: "Asia/Shanghai", hour12: false }) : "";
    pulse.className = "pulse " + state;
    label.textContent = pulse.dataset[state].replace("@", clock);
  };

  const put = (text) => {
    const fresh = new DOMParser().parseFromString(text, "text/html");
    for (const section of fresh.querySelectorAll("section[id]")) {
      const old = document.getElementById(section.id);
      if (!old || (old.innerHTML === section.innerHTML && old.className === section.className)) continue;
      old.className = section.className;
      old.replaceChildren(...section.childNodes);
      if (section.dataset.level) document.title = section.dataset.level + " · " + board.dataset.title;
    }
  };

  const look = async () => {
    clearTimeout(timer);
    if (paused || document.hidden || looking) return;
    looking = true;
    try {
      const answer = await fetch(board.dataset.source, {
        cache: "no-store", credentials: "same-origin", signal: AbortSignal.timeout(PATIENCE),
      });
      if (answer.status === 401) return location.reload();
      if (!answer.ok) throw new Error(String(answer.status));
      put(await answer.text());
      tell(paused ? "paused" : "live");
    } catch {
      tell("lost");
    } finally {
      looking = false;
    }
    timer = setTimeout(look, EVERY);
  };

  const choose = (value) => {
    paused = value;
    button.textContent = paused ? button.dataset.resume : button.dataset.pause;
    button.setAttribute("aria-pressed", String(paused));
    tell(paused ? "paused" : "live");
    look();
  };

  button.addEventListener("click", () => choose(!paused));
  document.addEventListener("visibilitychange", look);
  pulse.hidden = button.hidden = false;
  choose(false);
})();
