// Shows what is typed into the password field, where the person asks for it. The page works without.
"use strict";
const button = document.getElementById("show-password");
const field = document.getElementById("password");

function show(shown) {
  field.type = shown ? "text" : "password";
  button.setAttribute("aria-pressed", String(shown));
}

button.hidden = false;
button.addEventListener("click", () => show(field.type === "password"));
// What is sent, kept for going back, or offered by a password manager is a password.
field.form.addEventListener("submit", () => show(false));
addEventListener("pagehide", () => show(false));
