/** Readable lines for what is not plain text (guest-api.md §3.4.4, §3.4.5): never nothing for something the other side meant to be seen. */

import type { Content } from "./api.js";
import { fields, list, text, type Fields } from "./fields.js";

/** One part as text; empty if there is nothing in it for a reader. */
export function partLine(part: Content): string {
  const of = (member: string): Fields => fields(part[member]);
  switch (part.contentType) {
    case "Attachment": return line(text(of("attachment")["filename"], of("attachment")["text"], of("attachment")["url"]) ?? "Attachment");
    case "QuickReply": return choice(of("quickReply"));
    case "QuickReplyV2": return lines(of("quickReplyV2")["title"], ...list(of("quickReplyV2")["actions"]).map((action) => choice(fields(action["quickReply"] ?? action))));
    case "ButtonResponse": return line(of("buttonResponse")["text"], of("buttonResponse")["payload"]);
    case "Card": return card(of("card"));
    case "Carousel": return lines(...list(of("carousel")["cards"]).map(card));
    case "DatePicker": return datePicker(of("datePicker"));
    case "ListPicker": return listPicker(of("listPicker"));
    case "Form": return form(of("form"));
    case "GenericTemplate": return lines(card(of("generic")), ...list(of("generic")["components"]).map((component) => line(component["title"], component["text"])));
    case "Mention": return line(of("mention")["nickname"], names(of("mention")), of("mention")["id"]);
    case "Notification": return lines(...["header", "body", "footer"].map((name) => line(fields(of("template")[name])["text"])));
    case "Reactions": return list(part["reactions"]).map((reaction) => `${line(reaction["reactionType"])} ${Number(reaction["count"]) || 1}`).join(", ");
    case "ListTemplate": return lines(of("list")["title"], ...list(of("list")["elements"] ?? of("list")["components"]).map((item) => line(item["title"], item["text"])));
    case "Postback": return line(of("postback")["text"], of("postback")["payload"]);
    case "Push": return "";
    default: return other(part);
  }
}

/** One event as text; empty for those that are not told to a reader. */
export function eventLine(event: Fields): string {
  const kind = text(fields(event["presence"])["type"]);
  switch (event["eventType"] === "Presence" ? kind : event["eventType"]) {
    case "Disconnect": return "The conversation was ended.";
    case "SignIn": return "You signed in.";
    case "SessionExpired": return "The conversation ran out of time.";
    case "CoBrowse": return "Screen sharing was offered.";
    case "Video": return "A video call was offered.";
    default: return "";
  }
}

/** The first readable one of the values. */
function line(...values: readonly unknown[]): string {
  return text(...values)?.trim() ?? "";
}

/** The readable ones of the values, one under the other, each once. */
function lines(...values: readonly unknown[]): string {
  return [...new Set(values.map((value) => line(value)))].filter((value) => value !== "").join("\n");
}

function choice(reply: Fields): string {
  const label = line(reply["text"], reply["payload"]);
  return label === "" ? "" : `[${label}]`;
}

function names(person: Fields): string {
  return [person["firstName"], person["lastName"]].map((name) => line(name)).filter((name) => name !== "").join(" ");
}

function card(content: Fields): string {
  const actions = list(content["actions"]).map((action) => (action["type"] === "Link" ? lines(action["text"], action["url"]).replace("\n", ": ") : choice(action)));
  return lines(content["title"], content["description"], ...actions);
}

function datePicker(picker: Fields): string {
  const times = list(picker["availableTimes"]).map(({ dateTime }) => {
    const time = new Date(line(dateTime));
    return time.getTime() ? time.toLocaleString() : line(dateTime);
  });
  return lines(picker["title"], picker["subtitle"], ...times);
}

function listPicker(picker: Fields): string {
  const received = fields(picker["receivedMessage"]);
  const sections = list(picker["sections"]).map((section) => lines(section["title"], ...list(section["items"]).map((item) => lines(item["title"], item["subtitle"]).replace("\n", ": "))));
  return lines(received["title"], received["subtitle"], ...sections);
}

function form(content: Fields): string {
  const answers = list(content["response"]).map((answer) => line(fields(fields(answer["component"])["buttonResponse"])["text"]));
  const introduction = fields(content["introduction"]);
  const pages = list(content["formPages"]).map((page) => lines(page["title"], page["subtitle"]));
  return lines(introduction["title"], introduction["subtitle"], ...pages, ...answers) || "Form";
}

/** A kind without a form of its own, or that nobody knows yet: whatever reads like a text in it, else its name. */
function other(part: Content): string {
  const inner = Object.entries(part).filter(([name]) => name !== "contentType");
  const found = inner.map(([, value]) => (typeof value === "string" ? value : lines(...["title", "text", "body", "description", "name", "address", "url"].map((name) => fields(value)[name]))));
  return lines(...found) || part.contentType.replace(/\B[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
