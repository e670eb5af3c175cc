"use strict";

// make makes an element. Text goes in as text: names may be anything.
function make(tag, attributes, ...children) {
  const e = document.createElement(tag);
  for (const [k, v] of Object.entries(attributes || {})) e.setAttribute(k, v);
  e.append(...children);
  return e;
}

// say changes a text only if it is another: a screen reader reads what changes.
function say(e, text) {
  if (e.textContent !== text) e.textContent = text;
}

// follow calls tell with each event of an address, and says at #connection if it is lost.
function follow(address, tell) {
  const connection = document.getElementById("connection");
  const source = new EventSource(address);
  source.addEventListener("message", (m) => {
    say(connection, "");
    tell(JSON.parse(m.data));
  });
  source.addEventListener("error", () => say(connection, source.readyState === EventSource.CLOSED ? "The server refused: reload the page to try again." : "The server does not answer: what is shown is the last it said. Trying again …"));
}

// number writes a number to some digits.
const number = (v) => v == null ? "–" : String(+v.toPrecision(3));
