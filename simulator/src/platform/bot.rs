//! The bot: says nothing, echoes, or follows a little script that shows every kind of content.

use serde_json::{Value, json};

use super::Platform;
use super::agent::Speaker;
use super::session::{Key, SessionId};
use super::settings::Bot;
use crate::protocol::Protocol;

/// How long the bot types before it speaks, in milliseconds.
const TYPING_TIME: u64 = 300;

const GREETING: &str = "Hello! I am the simulator's bot. Say one of: typing, card, carousel, quick, date, list, form, \
                        image, markdown, unknown, readonly, bye.";

/// Something the bot does later.
pub(super) struct Step {
    pub(super) key: Key,
    session: SessionId,
    act: Act,
}

enum Act {
    Say(Value),
    Type(&'static str),
    Leave { read_only: bool },
}

impl Platform {
    /// The guest has joined.
    pub(super) fn bot_greets(&mut self, key: &Key) {
        if self.settings.of(&key.0).bot == Bot::Script {
            self.bot_later(key, Act::Say(text(GREETING)));
        }
    }

    /// The guest has said something.
    pub(super) fn bot_hears(&mut self, key: &Key, heard: &str) {
        let act = match self.settings.of(&key.0).bot {
            Bot::Silent => return,
            Bot::Echo => Act::Say(text(&format!("You said: {heard}"))),
            Bot::Script => self.script(key, heard),
        };
        let has_text = matches!(&act, Act::Say(said) if said["text"].is_string());
        if has_text || self.protocol_of(key) == Protocol::Guest {
            self.bot_later(key, act);
        }
    }

    pub(super) fn bot_step(&mut self, step: Step) {
        if self.session(&step.key).is_none_or(|session| session.id != step.session) {
            return;
        }
        match step.act {
            Act::Say(said) => {
                self.say(&step.key, Speaker::Bot, said);
            }
            Act::Type(kind) => self.type_on(&step.key, Speaker::Bot, kind),
            Act::Leave { read_only } => {
                self.disconnect(&step.key, Speaker::Bot, Some(read_only));
            }
        }
    }

    /// Types now (which the session protocol cannot show) and acts a moment later. Even the typing is a step of its own:
    /// it answers no request.
    fn bot_later(&mut self, key: &Key, act: Act) {
        let Some(session) = self.session(key).map(|session| session.id) else {
            return;
        };
        let typing = (self.protocol_of(key) == Protocol::Guest).then_some((0, Act::Type("On")));
        for (wait, act) in typing.into_iter().chain([(TYPING_TIME, act)]) {
            self.bot_steps += 1;
            let step = Step { key: key.clone(), session, act };
            self.bot.insert((self.now + wait, self.bot_steps), step);
        }
    }

    fn script(&self, key: &Key, heard: &str) -> Act {
        let base = self.session(key).map_or(self.base.as_str(), |session| session.base.as_str());
        let image = format!("{base}/api/v2/downloads/sample.png");
        match heard.trim().to_lowercase().as_str() {
            "typing" => Act::Type("Off"),
            "readonly" => Act::Leave { read_only: true },
            "bye" => Act::Leave { read_only: false },
            "card" => structured("Our offer", json!([{ "contentType": "Card", "card": card("A room with a view", &image) }])),
            "carousel" => structured(
                "Pick one",
                json!([{ "contentType": "Carousel", "carousel": { "cards": [
                    card("A room with a view", &image),
                    card("A quiet room", &image),
                    { "title": "Nothing for me", "description": "We will find something else.", "actions": [] },
                ] } }]),
            ),
            "quick" => structured(
                "What would you like to do?",
                json!([
                    { "contentType": "QuickReply", "quickReply": { "text": "Yes", "payload": "yes", "action": "Message" } },
                    { "contentType": "QuickReply", "quickReply": { "text": "No", "payload": "no", "action": "Message" } },
                ]),
            ),
            "date" => structured(
                "Pick a time",
                json!([{ "contentType": "DatePicker", "datePicker": {
                    "title": "Select a time",
                    "subtitle": "Each visit takes half an hour",
                    "availableTimes": [
                        { "dateTime": crate::calendar::iso(self.now + 86_400_000), "duration": 1800 },
                        { "dateTime": crate::calendar::iso(self.now + 90_000_000), "duration": 1800 },
                    ],
                } }]),
            ),
            "list" => structured(
                "Choose from the list",
                json!([{ "contentType": "ListPicker", "listPicker": {
                    "id": "list-1",
                    "sections": [{ "title": "Fruit", "multipleSelection": true, "items": [
                        { "id": "apple", "title": "Apple", "subtitle": "Red" },
                        { "id": "pear", "title": "Pear" },
                    ] }],
                    "receivedMessage": { "title": "What may it be?", "buttonLabel": "Choose" },
                    "replyMessage": { "title": "Chosen" },
                } }]),
            ),
            "form" => structured(
                "A short form",
                json!([{ "contentType": "Form", "form": {
                    "cannedResponseId": "form-1",
                    "introduction": { "title": "About you", "buttonText": "Begin" },
                    "formPages": [{ "title": "Name", "subtitle": "How may we call you?", "pageComponents": [
                        { "formComponentType": "Input", "input": { "id": "name", "title": "Name", "isRequired": true } },
                    ] }],
                    "receivedMessage": { "title": "A short form" },
                    "replyMessage": { "title": "Form filled in" },
                    "showSummary": true,
                } }]),
            ),
            "image" => Act::Say(json!({
                "type": "Text",
                "text": "Here is a picture.",
                "content": [{ "contentType": "Attachment", "attachment": {
                    "id": "sample",
                    "url": image,
                    "filename": "sample.png",
                    "fileSize": super::attachment::SAMPLE.len(),
                    "mime": "image/png",
                    "mediaType": "Image",
                } }],
            })),
            "markdown" => Act::Say(text("**Bold**, *italic*, `code`, [a link](https://example.com)\n\n- one\n- two")),
            "unknown" => structured("", json!([{ "contentType": "Hologram", "hologram": { "depth": 3 } }])),
            _ => Act::Say(text(&format!("You said: {heard}"))),
        }
    }
}

fn text(text: &str) -> Value {
    json!({ "type": "Text", "text": text })
}

fn structured(text: &str, content: Value) -> Act {
    let mut said = json!({ "type": "Structured", "content": content });
    if !text.is_empty() {
        said["text"] = text.into();
    }
    Act::Say(said)
}

fn card(title: &str, image: &str) -> Value {
    json!({
        "title": title,
        "description": "Breakfast included.",
        "image": image,
        "defaultAction": { "type": "Link", "text": "", "url": "https://example.com" },
        "actions": [
            { "type": "Link", "text": "Open", "url": "https://example.com" },
            { "type": "Postback", "text": "Book now", "payload": "I want it" },
        ],
    })
}
