/** The bare page: the client alone, without the element. A list, a box to type in, and the state of the line. */
import { GuestClient, type Message } from "../client/index.js";
import { deploymentOfThisBrowser } from "./deployment.js";

const client = new GuestClient({ deploymentId: deploymentOfThisBrowser(), endpoint: location.origin });

const list = document.querySelector("ol") as HTMLOListElement;
const form = document.querySelector("form") as HTMLFormElement;
const box = document.querySelector("textarea") as HTMLTextAreaElement;
const state = document.querySelector("output") as HTMLOutputElement;

function row({ direction, kind, text, fallback, status }: Message): HTMLLIElement {
  const item = document.createElement("li");
  const who = kind === "event" ? "" : direction === "inbound" ? "You: " : "Shop: ";
  item.textContent = `${who}${text ?? fallback ?? ""}${status === "sent" ? "" : ` (${status})`}`;
  return item;
}

client.on("state", ({ name }) => { state.textContent = name; });
client.on("message", ({ message, index }) => { list.insertBefore(row(message), list.children[index] ?? null); });
client.on("updated", ({ message, index }) => { list.children[index]?.replaceWith(row(message)); });
client.on("moved", ({ message, from, to }) => {
  list.children[from]?.remove();
  list.insertBefore(row(message), list.children[to] ?? null);
});
client.on("removed", () => { list.replaceChildren(...client.messages.map(row)); });

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (box.value.trim() === "") return;
  client.send(box.value); // kept, sent when the line allows, and shown by the events above
  box.value = "";
});
box.addEventListener("input", () => client.typing());

client.start().catch((error: Error) => { state.textContent = error.message; });
