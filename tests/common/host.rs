//! The browser's part: performs what the session wants done and brings the results back, as the driver does it.

use super::{CrashPoint, DEPLOYMENT, Giver, World};
use guestwire::core::http::{Authorization, Unreachable};
use guestwire::core::machine::{Act, Input, Lead, Machine, RequestId, Role};
use guestwire::guest::wire::Wire;
use simulator::{ConnectionId, HttpId, HttpRequest};

impl World {
    fn ask_page_for_token(&mut self, request: RequestId) {
        self.token_asks.push(self.now);
        let deadline = u64::from(guestwire::core::token::DEADLINE_MS);
        match &self.giver {
            Giver::Backend => {
                let id = HttpId(self.next_http);
                self.next_http += 1;
                let target = format!("/demo-backend/token?deploymentId={DEPLOYMENT}");
                let asked = HttpRequest { method: "POST".into(), target, headers: Vec::new(), body: Vec::new() };
                self.network.fetch(self.now, request, id, asked, deadline);
            }
            Giver::Gives(token) => self.network.answer(self.now, request, Ok((200, None, token.clone()))),
            Giver::Rejects => self.network.answer(self.now, request, Err(Unreachable::Network)),
            Giver::Hangs => self.network.answer(self.now + deadline, request, Err(Unreachable::Timeout)),
        }
    }

    fn dies(&mut self, point: CrashPoint) -> bool {
        if self.crash_at != Some(point) {
            return false;
        }
        self.crash_at = None;
        self.crashed = Some(point);
        self.kill();
        true
    }

    /// Whether the tab was killed behind this write, with others of the same mutation still to come.
    fn tears(&mut self) -> bool {
        let Some(left) = self.tears_after.take() else { return false };
        if left > 1 {
            self.tears_after = Some(left - 1);
            return false;
        }
        self.crashed = Some(CrashPoint::Torn);
        self.kill();
        true
    }

    /// False if the tab was killed on the way.
    pub(super) fn perform(&mut self, act: Act) -> bool {
        if self.verbose {
            println!("{:>8}   {act:?}", self.now);
        }
        match act {
            Act::Open(socket, url) => {
                self.opens.push(self.now);
                let id = ConnectionId(self.next_connection);
                self.next_connection += 1;
                let target = url.strip_prefix("ws://service").expect("the endpoint's socket").to_string();
                if let Some((_, after)) = target.split_once("/sessions/") {
                    self.session_id = after.split('/').next().unwrap_or_default().to_string();
                }
                self.network.connect(self.now, socket, id, target);
            }
            Act::Send(socket, text) => {
                let is_message = match self.wire {
                    Wire::Guest => text.contains(r#""action":"onMessage""#) && !text.contains(r#""type":"Event""#),
                    Wire::Session => text.contains(r#""type":"text""#),
                };
                self.sent.push((socket, text.clone()));
                if is_message && self.has_lock() && !self.holds_lock() {
                    self.strays.push((self.now, self.tab));
                }
                self.network.up(self.now, socket, text);
                if is_message && self.dies(CrashPoint::AfterSend) {
                    return false;
                }
            }
            Act::Shut(socket, code) => {
                self.shuts.push((self.now, socket));
                self.network.shut(self.now, socket, code);
            }
            Act::Forget(socket) => {
                self.forgotten.push((self.now, socket));
                self.network.forget(socket);
            }
            Act::Fetch(request, what) => {
                let id = HttpId(self.next_http);
                self.next_http += 1;
                let target = what.url.strip_prefix("http://service").expect("the endpoint").to_string();
                self.fetched.push(target.clone());
                let bearer = what.authorization.iter().map(|who| match who {
                    Authorization::Bearer(token) => ("authorization".to_string(), format!("bearer {}", token.expose())),
                    Authorization::Basic(credentials) => ("authorization".to_string(), format!("basic {}", credentials.expose())),
                });
                let kind = what.body.iter().map(|body| ("content-type".to_string(), body.kind.to_string()));
                let body = what.body.as_ref().map(|body| body.text.clone().into_bytes()).unwrap_or_default();
                let asked = HttpRequest { method: what.method.name().into(), target, headers: bearer.chain(kind).collect(), body };
                self.network.fetch(self.now, request, id, asked, u64::from(what.timeout_ms));
            }
            Act::Token(request) => self.ask_page_for_token(request),
            Act::Abort(request) => self.network.abort(request),
            Act::Store(id, key, value) => {
                let message = key.contains(":m:");
                if message && self.dies(if value.is_some() { CrashPoint::BeforePersist } else { CrashPoint::BeforeAckPersisted }) {
                    return false;
                }
                let removed = value.is_none();
                let result = self.write(key, value);
                if self.tears() {
                    return false;
                }
                if message && self.dies(if removed { CrashPoint::AfterAckPersisted } else { CrashPoint::AfterPersist }) {
                    return false;
                }
                let now = self.clock();
                if let Some(session) = &mut self.session {
                    session.handle_input(now, Input::Stored(id, result));
                }
            }
            Act::Load(prefix) => {
                let entries = self.read(&prefix);
                let entries: Vec<(&str, &str)> = entries.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
                let now = self.clock();
                if let Some(session) = &mut self.session {
                    session.handle_input(now, Input::Loaded(&entries));
                }
            }
            Act::Lead(lead) if self.has_lock() => {
                if lead != Lead::Prove {
                    self.in_line = lead != Lead::Leave;
                }
                self.act_on_lock(lead);
            }
            Act::Lead(lead) => {
                if lead != Lead::Prove {
                    self.in_line = lead != Lead::Leave;
                }
                let role = match lead {
                    Lead::Join if self.lead_taken => Some(Role::Follower),
                    Lead::Join => Some(Role::Leader),
                    Lead::Steal => {
                        self.lead_taken = false;
                        Some(Role::Leader)
                    }
                    Lead::Prove if self.holds_proof => None,
                    Lead::Prove => Some(if self.lead_taken { Role::Follower } else { Role::Leader }),
                    Lead::Leave => None,
                };
                let now = self.clock();
                if let (Some(role), Some(session)) = (role, &mut self.session) {
                    session.handle_input(now, Input::Role(role));
                }
            }
        }
        true
    }
}
