// What Streamlit's first page leaves out.

// Every page is one step below the root. Without this, Streamlit looks for its own addresses
// below the page's first, and does not find them.
window.__streamlit = { BACKEND_BASE_URL: new URL(".", location.href).href };

// Sections of the navigation fold by mouse alone, so the style sheet takes that away; what was
// folded before is open again.
try {
  Object.keys(localStorage)
    .filter((key) => key.startsWith("stSidebarSectionsState"))
    .forEach((key) => localStorage.removeItem(key));
} catch {
  // no storage, nothing folded
}

// Its list of pages holds sections, and these the pages: a list each, named by its section.
function nameLists() {
  for (const section of document.querySelectorAll(
    "[data-testid=stSidebarNavItems] > div:not([role])"
  )) {
    section.parentElement.setAttribute("role", "presentation");
    section.setAttribute("role", "list");
    const title = section.querySelector("header");
    if (title) section.setAttribute("aria-label", title.innerText.split("\n")[0]);
  }
}
new MutationObserver(nameLists).observe(document, { childList: true, subtree: true });
