//! The agent-side streams: latency, conversation events, interactions, presence.
//!
//! | room | what it is for |
//! | --- | --- |
//! | `hub` | what all of them stand on: lines (the core's link and tokens), queues, webhooks, audit |
//! | `class` | what tells one stream from another |
//! | `latency`, `conversations`, `interactions`, `presence` | the four |
//! | `statistics`, `window`, `seen`, `queue`, `timeline`, `webhook` | what they are made of |
//!
//! A frame's way: the driver hands it to [`Stream`], which finds the line; the class reads it, puts events through its
//! window into the queue of each consumer; the page is told that there is something and takes it when it can.

pub mod class;
pub mod conversations;
pub mod event;
pub mod hub;
pub mod interactions;
pub mod latency;
pub mod notifications;
pub mod options;
pub mod presence;
pub mod queue;
pub mod seen;
pub mod statistics;
pub mod timeline;
pub mod webhook;
pub mod window;

use crate::core::error::{Code, Refusal};
use crate::core::http::{Reply, Unreachable};
use crate::core::json::Document;
use crate::core::link;
use crate::core::machine::{Act, Close, Input, Machine, Now, Output, Page, Payload, RequestId, SocketId};
use crate::core::option::wrong;
use crate::core::random::Random;
use crate::core::state::State;
use crate::core::timer::NEVER;
use class::{Answer, Class, Command, Figures};
use event::{Event, Ticket};
use hub::{Consumer, Hub, Timer};
use options::Options;

/// A socket that was replaced is read for so long before it is closed, milliseconds.
const RELEASE_MS: u64 = 2_000;

/// Which stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Round trips, measured by probes of its own or taken from another connection.
    Latency,
    /// Events of conversations, in the order of their time.
    Conversations,
    /// Who joins and leaves interactions.
    Interactions,
    /// The presence of users, for several groups of subscribers.
    Presence,
}

/// One stream, driven from outside.
pub struct Stream {
    hub: Hub,
    class: Box<dyn Class>,
    disposed: bool,
}

impl Stream {
    /// A stream at rest. `options` is JSON.
    ///
    /// # Errors
    /// An option is wrong; the field is named.
    pub fn new(kind: Kind, options: &str, seed: [u64; 4]) -> Result<Stream, Refusal> {
        let document = Document::parse(options).filter(|document| document.root().is_object()).ok_or(wrong("options"))?;
        let root = document.root();
        let presets = match kind {
            Kind::Latency => &latency::PRESETS,
            Kind::Conversations => &conversations::PRESETS,
            Kind::Interactions => &interactions::PRESETS,
            Kind::Presence => &presence::PRESETS,
        };
        let mut hub = Hub::new(Options::read(root, presets)?, presets, Random::new(seed));
        let class = match kind {
            Kind::Latency => latency::new(root, &mut hub)?,
            Kind::Conversations => conversations::new(root, &mut hub)?,
            Kind::Interactions => interactions::new(root, &mut hub)?,
            Kind::Presence => presence::new(root, &mut hub)?,
        };
        Ok(Stream { hub, class, disposed: false })
    }

    /// Begins, or begins again after an end; `ticket` ends when it is first ready.
    pub fn start(&mut self, now: Now, ticket: Ticket) {
        if self.disposed {
            return self.hub.tell(Event::Done(ticket, Some(Code::STOPPED)));
        }
        self.begin(now);
        if self.hub.state() == State::Ready || self.hub.lines.is_empty() {
            self.hub.tell(Event::Done(ticket, None));
        } else {
            self.hub.starts.push(ticket);
        }
        self.hub.start_lines();
        self.settle();
    }

    /// Ends the connections. What was taken in may still be taken out.
    pub fn stop(&mut self, now: Now, ticket: Ticket) {
        self.begin(now);
        self.hub.wanted = false;
        self.hub.for_all(|link| link.stop(now));
        self.give_up();
        self.settle();
        self.hub.tell(Event::Done(ticket, None));
    }

    /// What would be tried later is tried now.
    pub fn reconnect(&mut self, now: Now) {
        self.begin(now);
        if self.hub.state() == State::AuthRequired {
            self.hub.start_lines();
        }
        self.hub.for_all(|link| link.reconnect(now));
        self.settle();
    }

    /// Gives everything up. Inputs are inert from here on.
    pub fn dispose(&mut self, now: Now) {
        self.begin(now);
        self.hub.wanted = false;
        self.hub.for_all(|link| {
            link.stop(now);
            // Its close is not waited for.
            link.leave(now);
        });
        self.give_up();
        self.settle();
        self.hub.give_up_posts();
        self.disposed = true;
    }

    /// At most so many events for a consumer, as a JSON array; `None` if there is nothing.
    pub fn take(&mut self, now: Now, consumer: &str, most: usize) -> Option<String> {
        self.begin(now);
        let consumer = self.hub.consumers.iter_mut().find(|known| known.id == consumer)?;
        let taken = consumer.queue.take(now.mono, most)?;
        self.class.taken(&mut self.hub, taken.waits);
        self.settle();
        Some(taken.array)
    }

    /// A call that only some streams know.
    ///
    /// # Errors
    /// Refused, and nothing was changed.
    pub fn command(&mut self, now: Now, command: Command<'_>) -> Result<Answer, Refusal> {
        self.begin(now);
        let answer = self.class.command(&mut self.hub, command);
        self.settle();
        answer
    }

    /// All figures, by name, as they are now.
    pub fn figures_at(&mut self, now: Now) -> Vec<(&'static str, f64)> {
        self.begin(now);
        self.figures()
    }

    /// All figures, by name, as they were when something happened last.
    pub fn figures(&self) -> Vec<(&'static str, f64)> {
        let hub = &self.hub;
        let (_, dropped) = hub.dropped();
        let (mut queued, mut coalesced) = (0, 0);
        for Consumer { queue, .. } in &hub.consumers {
            queued += queue.len();
            coalesced += queue.coalesced;
        }
        let (mut delivered, mut lost) = (0, 0);
        for target in &hub.targets {
            delivered += target.delivered;
            lost += target.lost;
        }
        let counters = &hub.counters;
        let mut figures = Figures::default();
        figures.add(
            "frames unreadable events dropped coalesced queued losses reconnects reconnectMs webhooksDelivered webhooksLost",
            &[
                counters.frames,
                counters.unreadable,
                counters.events,
                dropped,
                coalesced,
                queued as u64,
                counters.losses,
                counters.reconnects,
                counters.gap,
                delivered,
                lost,
            ]
            .map(|number| number as f64),
        );
        if let Some(line) = hub.lines.first() {
            let heartbeat = line.link.heartbeat();
            if let Some(rtt) = heartbeat.rtt() {
                figures.add("rttMs", &[rtt as f64]);
            }
            figures.add("answeredMsAgo", &[hub.now.mono.saturating_sub(heartbeat.answered_at()) as f64]);
        }
        self.class.figures(hub, &mut figures);
        figures.0
    }

    /// Nothing is waited for any more that only a connection needs.
    fn give_up(&mut self) {
        self.hub.give_up_lines();
        self.class.give_up(&mut self.hub);
    }

    fn begin(&mut self, now: Now) {
        self.hub.now = Now { mono: now.mono.max(self.hub.now.mono), unix: now.unix };
    }

    /// Lets everything that can go on go on; the end of every mutation.
    fn settle(&mut self) {
        loop {
            let before = self.hub.pending();
            for line in 0..self.hub.lines.len() {
                self.follow(line);
            }
            if let Some(state) = self.hub.tell_state() {
                self.class.state_changed(&mut self.hub, state);
            }
            self.hub.announce();
            self.hub.post();
            if self.hub.pending() == before {
                break;
            }
        }
    }

    /// Does what a link asks for.
    fn follow(&mut self, line: usize) {
        while let Some(output) = self.hub.lines[line].link.poll_output() {
            let hub = &mut self.hub;
            match output {
                link::Output::Prepare => self.prepare(line),
                link::Output::Open(socket) => {
                    let url = self.class.url(hub, line);
                    hub.open(line, socket, url);
                }
                link::Output::Shut(socket, code) => hub.act(Act::Shut(socket, code)),
                link::Output::Forget(socket) => {
                    hub.lines[line].step.take_if(|(stepping, _)| *stepping == socket);
                    hub.act(Act::Forget(socket));
                }
                link::Output::Probe(socket) => self.class.probe(hub, line, socket),
                link::Output::Classify => {
                    let url = self.class.url(hub, line);
                    hub.look(line, &url);
                }
                link::Output::Lost(socket, reason) => {
                    let is_loss = hub.lost(line, socket, reason);
                    self.class.lost(hub, line, is_loss);
                }
                // A browser hands over nothing that comes after `close()`: what is under way is waited for.
                link::Output::Replaced(_) => hub.timers.arm(Timer::Release, hub.now.mono + RELEASE_MS),
                link::Output::Gone(..) => {}
                link::Output::Metric(kind, ms) => {
                    if kind == "rtt" {
                        self.class.measured(hub, ms);
                    } else if kind == "reconnect" && hub.counters.reconnects < hub.counters.losses {
                        // What the page has stopped was not lost.
                        (hub.counters.reconnects, hub.counters.gap) = (hub.counters.reconnects + 1, ms);
                    }
                    hub.tell(Event::Metric(kind, ms));
                }
                link::Output::State(state) => hub.state_changed(line, state),
            }
        }
    }

    fn prepare(&mut self, line: usize) {
        let hub = &mut self.hub;
        if hub.lines[line].link.is_preparing() && hub.has_token(line) && self.class.prepare(hub, line) {
            hub.lines[line].link.prepared(hub.now);
        }
    }

    /// The line that a socket belongs to: its number says it.
    fn line_of(&self, socket: SocketId) -> Option<usize> {
        Some((socket.0 >> link::PLACE_SHIFT) as usize).filter(|line| *line < self.hub.lines.len())
    }

    fn opened(&mut self, socket: SocketId) {
        let Some(line) = self.line_of(socket) else { return };
        if self.hub.lines[line].link.opened(self.hub.now, socket) {
            self.class.opened(&mut self.hub, line, socket);
        }
    }

    fn frame(&mut self, socket: SocketId, payload: Payload<'_>) {
        let Some(line) = self.line_of(socket) else { return };
        let hub = &mut self.hub;
        let link = &mut hub.lines[line].link;
        let (current, is_leaving) = (link.heard(hub.now, socket), link.is_leaving(socket));
        hub.late = !current && hub.step(line, socket).is_none();
        if hub.late && !is_leaving {
            return;
        }
        match payload {
            Payload::Binary(_) => hub.unreadable("(binary)"),
            Payload::Text(text) => match Document::parse(text) {
                Some(document) => {
                    hub.counters.frames += 1;
                    self.class.frame(hub, line, socket, document.root());
                }
                None => hub.unreadable(text),
            },
        }
        if current {
            self.hub.heard(line);
        }
    }

    fn closed(&mut self, socket: SocketId, close: Close<'_>) {
        let Some(line) = self.line_of(socket) else { return };
        let hub = &mut self.hub;
        if hub.lines[line].link.socket() != Some(socket) {
            // A second socket that was being made ready.
            hub.lines[line].step.take_if(|(stepping, _)| *stepping == socket);
        } else if close.code == 1008 {
            // A token that has run out, as a rule; what refused it does not say so.
            hub.refuse_token(line, Some(socket));
        }
        hub.lines[line].link.closed(hub.now, socket, close);
    }

    fn reply(&mut self, request: RequestId, reply: Result<Reply<'_>, Unreachable>) {
        let hub = &mut self.hub;
        match hub.token_reply(request, reply) {
            Some(true) => {
                for line in 0..self.hub.lines.len() {
                    self.prepare(line);
                }
                self.hub.renew();
            }
            Some(false) => {}
            None => {
                let _ = hub.looked(request, reply) || hub.posted(request, reply) || self.class.reply(hub, request, reply);
            }
        }
    }

    fn handle_timers(&mut self) {
        let now = self.hub.now;
        self.hub.for_all(|link| link.handle_timeout(now));
        while let Some((timer, _)) = self.hub.timers.expire(now.mono) {
            match timer {
                Timer::Renew => self.hub.renew(),
                Timer::Release => self.hub.for_all(|link| link.release(now)),
                Timer::Metrics => {
                    self.hub.timers.arm(Timer::Metrics, now.mono + self.hub.options.metrics_every);
                    // A consumer that takes nothing at all is behind, too.
                    if let Some(waits) = self.hub.waits() {
                        self.class.taken(&mut self.hub, waits);
                    }
                    if let Some(share) = self.hub.dropped_share() {
                        self.class.dropped(&mut self.hub, share);
                    }
                    let figures = self.figures();
                    self.hub.tell(Event::Metrics(figures));
                }
            }
        }
        self.class.handle_timeout(&mut self.hub);
    }

    fn page(&mut self, page: Page) {
        let now = self.hub.now;
        // What the page gives up itself is not lost.
        let wanted = self.hub.wanted;
        self.hub.wanted &= !matches!(page, Page::Left | Page::Frozen);
        self.hub.for_all(|link| link.page(now, page));
        self.settle();
        self.hub.wanted = wanted;
        match page {
            Page::Left => self.give_up(),
            Page::Shown if wanted => self.hub.start_lines(),
            _ => {}
        }
    }
}

impl Machine for Stream {
    type Event = Event;

    fn handle_input(&mut self, now: Now, input: Input<'_>) {
        if self.disposed {
            return;
        }
        self.begin(now);
        match input {
            Input::Opened(socket) => self.opened(socket),
            Input::Frame(socket, payload) => self.frame(socket, payload),
            Input::Closed(socket, close) => self.closed(socket, close),
            Input::Reply(request, reply) => self.reply(request, reply),
            Input::Page(page) => self.page(page),
            Input::Timeout => self.handle_timers(),
            // Nothing is stored and nothing shared with other tabs.
            Input::Loaded(_) | Input::Stored(..) | Input::Role(_) => {}
        }
        self.settle();
    }

    fn poll_output(&mut self) -> Option<Output<Event>> {
        self.hub.pop()
    }

    fn poll_timeout(&self) -> Option<u64> {
        if self.disposed {
            return None;
        }
        Some(self.hub.poll_timeout().min(self.class.poll_timeout())).filter(|due| *due != NEVER)
    }
}
