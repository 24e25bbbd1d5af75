//! What a page makes of the events: the list patched by index, the state, the promises. It trusts nothing but them.

use guestwire::core::error::Code;
use guestwire::core::state::State;
use guestwire::guest::event::{Event, Kind, Row, Status, Ticket};
use std::collections::BTreeMap;

/// The page's own view.
pub struct Page {
    pub state: State,
    pub states: Vec<State>,
    pub rows: Vec<Row>,
    /// Bodies by row id: they come once.
    pub bodies: BTreeMap<String, String>,
    pub events: Vec<Event>,
    pub done: BTreeMap<Ticket, Option<Code>>,
    /// What `send` accepted in this life of the page: id and text.
    pub accepted: Vec<(String, String)>,
    pub typing: bool,
    pub unread: u32,
    pub read_only: bool,
    pub new_session: bool,
    pub leader: Option<bool>,
    pub outbox: (u32, u32),
}

impl Default for Page {
    fn default() -> Page {
        Page {
            state: State::Idle,
            states: Vec::new(),
            rows: Vec::new(),
            bodies: BTreeMap::new(),
            events: Vec::new(),
            done: BTreeMap::new(),
            accepted: Vec::new(),
            typing: false,
            unread: 0,
            read_only: false,
            new_session: false,
            leader: None,
            outbox: (0, 0),
        }
    }
}

impl Page {
    pub fn row(&self, id: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.id == id)
    }

    /// The texts on the list, in order; of the service's rows the body's text. Events have none.
    pub fn texts(&self) -> Vec<String> {
        self.rows.iter().filter(|row| row.kind != Kind::Event).map(|row| self.text(row)).collect()
    }

    pub fn text(&self, row: &Row) -> String {
        let body = self.bodies.get(&row.id).and_then(|body| serde_json::from_str::<serde_json::Value>(body).ok());
        let told = body.and_then(|body| body["text"].as_str().map(str::to_string));
        told.or_else(|| row.text.clone()).unwrap_or_default()
    }

    pub fn warned(&self, code: Code) -> bool {
        self.events.iter().any(|event| matches!(event, Event::Warning { code: told } | Event::Error { code: told } if *told == code))
    }

    pub(super) fn take(&mut self, event: Event) {
        match &event {
            Event::State { state } => {
                self.state = *state;
                self.states.push(*state);
            }
            Event::Message { index, message } => {
                self.keep_body(message);
                assert!(*index as usize <= self.rows.len(), "inserted beyond the end: {message:?} at {index}");
                assert!(self.row(&message.id).is_none(), "inserted twice: {message:?}");
                self.rows.insert(*index as usize, (**message).clone());
            }
            Event::Updated { index, message } => {
                self.keep_body(message);
                let row = &mut self.rows[*index as usize];
                assert_eq!(row.id, message.id, "updated another row");
                *row = (**message).clone();
            }
            Event::Moved { id, from, to } => {
                let row = self.rows.remove(*from as usize);
                assert_eq!(row.id, *id, "moved another row");
                self.rows.insert(*to as usize, row);
            }
            Event::Removed { id, index } => {
                let row = self.rows.remove(*index as usize);
                assert_eq!(row.id, *id, "removed another row");
                self.bodies.remove(id);
            }
            Event::Emptied => {
                self.rows.clear();
                self.bodies.clear();
            }
            Event::Done { ticket, code, .. } => {
                assert!(self.done.insert(*ticket, *code).is_none(), "settled twice: {ticket}");
            }
            Event::Typing { active, .. } => self.typing = *active,
            Event::Unread { count } => self.unread = *count,
            Event::Session { read_only, new_session, .. } => {
                self.read_only = *read_only;
                self.new_session = *new_session;
            }
            Event::Tab { leader } => self.leader = Some(*leader),
            Event::Outbox { length, bytes } => self.outbox = (*length, *bytes),
            _ => {}
        }
        self.events.push(event);
        self.check_list();
    }

    fn keep_body(&mut self, row: &Row) {
        if let Some(body) = &row.body {
            self.bodies.insert(row.id.clone(), body.clone());
        }
    }

    /// The service's rows come first, in its order; ids are unique.
    fn check_list(&self) {
        if self.rows.len() > 300 {
            return;
        }
        let sent = self.rows.iter().take_while(|row| row.status == Status::Sent).count();
        let unsent_between = self.rows[sent..].iter().any(|row| row.status == Status::Sent);
        assert!(!unsent_between || self.is_between_moves(), "an unsent row stands before a sent one");
    }

    /// A row that was just settled is told as moved before it is told as updated.
    fn is_between_moves(&self) -> bool {
        matches!(self.events.last(), Some(Event::Moved { .. }))
    }
}
