// Sets the theme before anything is painted: what was chosen here before, or else
// what the system prefers. It is no module, since those run too late.
"use strict";
try {
  const chosen = localStorage.getItem("theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch { /* no storage: the system's theme */ }
