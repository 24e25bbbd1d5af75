//! The desk: the one task that owns the service, and the handles by which connections and requests reach it.
//!
//! Everything that comes in is put to the service one at a time, and its effects are handed out before the next.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use super::clock::Clock;
use crate::exchange::{ConnectionId, Effect, HttpId, HttpRequest, HttpResponse, Upgrade};
use crate::service::Service;

/// What reaches the desk.
pub(super) enum Arrival {
    Connect {
        id: ConnectionId,
        upgrade: Upgrade,
        orders: mpsc::UnboundedSender<Order>,
    },
    Text(ConnectionId, String),
    /// The client's close frame, or (`None`) the end of its line.
    Close(ConnectionId, Option<u16>),
    Http {
        id: HttpId,
        request: HttpRequest,
        answer: oneshot::Sender<HttpResponse>,
    },
    /// The client does not wait for its answer any more.
    Abandoned(HttpId),
}

/// What a connection's task is told to do.
pub(super) enum Order {
    Accept,
    Refuse(u16, Vec<(String, String)>),
    Text(String),
    Binary(Vec<u8>),
    Close(u16, String),
    Drop,
    /// Nothing of this connection is held any more: its closing handshake may be answered.
    Farewell,
}

/// The desk and what it has to remember about those it serves.
pub(super) struct Desk {
    service: Service,
    clock: Clock,
    connections: HashMap<ConnectionId, mpsc::UnboundedSender<Order>>,
    /// Connections whose client has closed.
    leaving: HashSet<ConnectionId>,
    answers: HashMap<HttpId, oneshot::Sender<HttpResponse>>,
}

impl Desk {
    pub(super) fn new(service: Service, clock: Clock) -> Self {
        Self { service, clock, connections: HashMap::new(), leaving: HashSet::new(), answers: HashMap::new() }
    }

    /// Serves until nobody can reach it any more.
    pub(super) async fn run(mut self, mut arrivals: mpsc::UnboundedReceiver<Arrival>) {
        loop {
            let due = self.service.poll_timeout().map(|at| {
                // At least a millisecond: a timer that rounds down must not spin.
                Duration::from_millis(at.saturating_sub(self.clock.now()).max(1))
            });
            let arrival = match due {
                Some(due) => match tokio::time::timeout(due, arrivals.recv()).await {
                    Ok(arrival) => arrival,
                    Err(_) => {
                        self.service.handle_timeout(self.clock.now());
                        self.hand_out();
                        continue;
                    }
                },
                None => arrivals.recv().await,
            };
            let Some(arrival) = arrival else {
                return;
            };
            self.take(arrival);
            self.hand_out();
        }
    }

    fn take(&mut self, arrival: Arrival) {
        let now = self.clock.now();
        match arrival {
            Arrival::Connect { id, upgrade, orders } => {
                self.connections.insert(id, orders);
                self.service.handle_upgrade(now, id, upgrade);
            }
            Arrival::Text(id, text) => self.service.handle_text(now, id, &text),
            Arrival::Close(id, code) => {
                if self.connections.contains_key(&id) {
                    self.leaving.insert(id);
                }
                self.service.handle_close(now, id, code);
            }
            Arrival::Http { id, request, answer } => {
                self.answers.insert(id, answer);
                self.service.handle_http(now, id, request);
            }
            Arrival::Abandoned(id) => {
                self.answers.remove(&id);
            }
        }
    }

    fn hand_out(&mut self) {
        while let Some(effect) = self.service.poll_effect() {
            match effect {
                Effect::Accept(id) => self.tell(id, Order::Accept),
                Effect::Refuse(id, status, headers) => self.tell_last(id, Order::Refuse(status, headers)),
                Effect::Text(id, text) => self.tell(id, Order::Text(text)),
                Effect::Binary(id, bytes) => self.tell(id, Order::Binary(bytes)),
                Effect::Close(id, code, reason) => self.tell_last(id, Order::Close(code, reason)),
                Effect::Drop(id) => self.tell_last(id, Order::Drop),
                Effect::Respond(id, response) => {
                    if let Some(answer) = self.answers.remove(&id) {
                        // A client that has gone away needs no answer.
                        let _ = answer.send(response);
                    }
                }
            }
        }
        let done: Vec<ConnectionId> = self.leaving.iter().copied().filter(|id| !self.service.holds(*id)).collect();
        for id in done {
            self.tell_last(id, Order::Farewell);
        }
    }

    fn tell(&mut self, id: ConnectionId, order: Order) {
        if let Some(orders) = self.connections.get(&id) {
            // A task that has ended needs no orders.
            let _ = orders.send(order);
        }
    }

    fn tell_last(&mut self, id: ConnectionId, order: Order) {
        self.tell(id, order);
        self.connections.remove(&id);
        self.leaving.remove(&id);
    }
}
