// Chapters as tabs: one is seen at a time on screen, all of them on paper and without a script.

const KEYS = { ArrowRight: 1, ArrowLeft: -1, Home: "first", End: "last" };

/** Turns the list of links into tabs, and opens the one that the address or a link asks for. */
export function startTabs() {
  const nav = document.querySelector("nav.chapters");
  const list = document.createElement("div");
  list.setAttribute("role", "tablist");
  list.setAttribute("aria-label", "Chapters");
  const tabs = [...nav.querySelectorAll("a")].map((link) => tabOf(link));
  list.append(...tabs.map((tab) => tab.button));
  nav.replaceChildren(list);
  document.documentElement.classList.add("tabbed");
  const show = (tab) => choose(tabs, tab);
  const follow = (hash) => openAt(tabs, hash, show);
  list.addEventListener("click", (event) => {
    const tab = tabs.find((one) => one.button === event.target.closest("button"));
    if (tab === undefined) return;
    show(tab);
    remember(`#${tab.panel.id}`);
  });
  list.addEventListener("keydown", (event) => moveFocus(tabs, event, show));
  window.addEventListener("hashchange", () => follow(location.hash));
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.('a[href^="#"]');
    if (link) follow(link.getAttribute("href"));
  });
  show(tabs[0]);
  if (location.hash.length > 1) follow(location.hash);
}

function tabOf(link) {
  const panel = document.getElementById(link.getAttribute("href").slice(1));
  const button = document.createElement("button");
  button.type = "button";
  button.id = `${panel.id}tab`;
  button.textContent = link.textContent;
  button.setAttribute("role", "tab");
  button.setAttribute("aria-controls", panel.id);
  panel.setAttribute("role", "tabpanel");
  panel.setAttribute("aria-labelledby", button.id);
  panel.tabIndex = 0;
  return { button, panel };
}

function choose(tabs, chosen) {
  for (const { button, panel } of tabs) {
    const open = panel === chosen.panel;
    button.setAttribute("aria-selected", String(open));
    button.tabIndex = open ? 0 : -1;
    panel.classList.toggle("chosen", open);
  }
  chosen.button.scrollIntoView({ block: "nearest", inline: "nearest" });
}

function moveFocus(tabs, event, show) {
  const step = KEYS[event.key];
  if (step === undefined) return;
  event.preventDefault();
  const here = tabs.findIndex(({ button }) => button.getAttribute("aria-selected") === "true");
  const last = tabs.length - 1;
  const place = step === "first" ? 0 : step === "last" ? last : (here + step + tabs.length) % tabs.length;
  show(tabs[place]);
  tabs[place].button.focus();
}

/** Opens the tab that holds an element, and goes to the element. */
function openAt(tabs, hash, show) {
  const target = document.getElementById(hash.slice(1));
  const tab = tabs.find(({ panel }) => target !== null && panel.contains(target));
  if (tab === undefined) return;
  show(tab);
  if (target !== tab.panel) target.scrollIntoView();
}

function remember(hash) {
  try {
    history.replaceState(null, "", hash);
  } catch {
    // A browser that forbids this for local files only loses the place after a reload.
  }
}
