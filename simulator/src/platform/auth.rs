//! Signing in (guest-api.md §7): code or id token to JWT, refresh, revoke, and the session that results.
//!
//! Any code is taken, except one that begins with `bad`. The user is what stands before the first `:` of the code, so
//! `ann:1` and `ann:2` are two sign-ins of one user.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::configure::Opening;
use super::frame::{self, presence};
use super::http::Answer;
use super::session::{Entry, Key};
use super::{Platform, Refusal, Request, jwt};
use crate::exchange::HttpRequest;

#[derive(Clone)]
struct Bearer {
    deployment: String,
    user: String,
    expires: u64,
}

/// The tokens of signed-in users.
#[derive(Default)]
pub(super) struct SignIn {
    jwts: BTreeMap<String, Bearer>,
    refresh: BTreeMap<String, Bearer>,
}

impl SignIn {
    pub(super) fn reset(&mut self, deployment: Option<&str>) {
        let keep = |bearer: &Bearer| deployment.is_some_and(|id| id != bearer.deployment);
        self.jwts.retain(|_, bearer| keep(bearer));
        self.refresh.retain(|_, bearer| keep(bearer));
    }
}

impl Platform {
    /// `oauthcodegrantjwtexchange`.
    pub(super) fn exchange(&mut self, body: &Value) -> Answer {
        let Some(deployment) = body["deploymentId"].as_str().filter(|id| self.is_known(id)) else {
            return Answer::error(404, "not.found", "There is no such deployment.");
        };
        if !self.settings.of(deployment).auth {
            return Answer::error(403, "forbidden", "Authentication is not enabled.").of(deployment);
        }
        let code = body["oauth"]["code"].as_str();
        let proof = code.or(body["oauth"]["idToken"].as_str()).unwrap_or_default();
        if proof.is_empty() {
            return Answer::error(400, "bad.request", "oauth.code or oauth.idToken is missing.").of(deployment);
        }
        if proof.starts_with("bad") {
            return Answer::error(401, "bad.credentials", "The code was refused.").of(deployment);
        }
        let bearer = Bearer { deployment: deployment.to_owned(), user: proof.split(':').next().unwrap_or(proof).to_owned(), expires: 0 };
        let mut answer = json!({ "jwt": self.mint_auth(&bearer) });
        if code.is_some() {
            let refresh = self.seed.hex32();
            self.sign_in.refresh.insert(refresh.clone(), bearer);
            answer["refreshToken"] = refresh.into();
        }
        Answer::json(200, &answer).of(deployment)
    }

    /// `refresh`: a new JWT; the refresh token stays good.
    pub(super) fn refresh(&mut self, body: &Value) -> Answer {
        let token = body["refreshToken"].as_str().unwrap_or_default();
        let Some(bearer) = self.sign_in.refresh.get(token).cloned() else {
            return Answer::error(401, "bad.credentials", "The refresh token is not valid.");
        };
        let jwt = self.mint_auth(&bearer);
        Answer::json(200, &json!({ "jwt": jwt })).of(&bearer.deployment)
    }

    /// `revoke`: every connection of the user is told to log out.
    pub(super) fn revoke(&mut self, request: &HttpRequest) -> Answer {
        let bearer = jwt::bearer(request.header("authorization"))
            .and_then(|token| self.sign_in.jwts.get(token))
            .filter(|bearer| bearer.expires > self.now)
            .cloned();
        let Some(bearer) = bearer else {
            return Answer::error(401, "bad.credentials", "The token is not valid.");
        };
        let others = |one: &Bearer| one.user != bearer.user || one.deployment != bearer.deployment;
        self.sign_in.jwts.retain(|_, one| others(one));
        self.sign_in.refresh.retain(|_, one| others(one));
        for key in self.sessions_of_user(&bearer.deployment, &bearer.user) {
            self.broadcast(&key, &frame::message("LogoutEvent", json!({}), None));
        }
        Answer::empty(204).of(&bearer.deployment)
    }

    /// Whether a session is a signed-in user's.
    pub(crate) fn is_signed_in(&self, key: &Key) -> bool {
        self.session(key).is_some_and(|session| session.user.is_some())
    }

    /// Ends the sign-in JWTs of the user of a token's session.
    pub(crate) fn expire_auth_jwts(&mut self, token: &str) {
        let users: Vec<(String, String)> = self
            .guests
            .iter()
            .filter(|(key, _)| key.1 == token)
            .filter_map(|(key, guest)| Some((key.0.clone(), guest.session.as_ref()?.user.clone()?)))
            .collect();
        let now = self.now;
        for bearer in self.sign_in.jwts.values_mut() {
            let named = users.iter().any(|(deployment, user)| *deployment == bearer.deployment && *user == bearer.user);
            if named {
                bearer.expires = bearer.expires.min(now);
            }
        }
    }

    /// `configureAuthenticatedSession`: a user's session, or the step up of a guest's (§7.6).
    pub(super) fn configure_authenticated(&mut self, request: &Request) -> Result<(), Refusal> {
        let key = self.admit_configure(request)?;
        let user = self.authenticate(&key, request)?;
        let owner = match self.session(&key) {
            Some(session) if session.is_live() => Some(session.user.clone()),
            _ => None,
        };
        match owner {
            Some(None) => self.step_up(&key, request, &user),
            Some(Some(other)) if other != user => Err(Refusal::new(403, "HTTP authorization error")),
            _ => {
                let new_session = self.find_or_start(&key, request)?;
                self.own(&key, &user);
                self.register(&key, request);
                self.respond_session(&key, request, &Opening { new_session, cleared_existing: false });
                Ok(())
            }
        }
    }

    fn step_up(&mut self, key: &Key, request: &Request, user: &str) -> Result<(), Refusal> {
        if !self.settings.of(&key.0).session_upgrade {
            return Err(Refusal::new(403, "Session upgrade is not allowed"));
        }
        let earlier = self.sessions_of_user(&key.0, user);
        for other in &earlier {
            let all = self.connections_of(other);
            self.send_off(other, &all, Some("signedIn"));
            if let Some(session) = self.session_mut(other) {
                session.read_only = true;
                session.user = None;
            }
        }
        let others: Vec<_> = self.connections_of(key).into_iter().filter(|id| *id != request.connection).collect();
        self.send_off(key, &others, Some("signedIn"));
        self.own(key, user);
        self.register(key, request);
        let opening = Opening { new_session: false, cleared_existing: !earlier.is_empty() };
        self.respond_session(key, request, &opening);
        self.announce_sign_in(key, user);
        Ok(())
    }

    /// Inbound Presence SignIn, with the user's name.
    fn announce_sign_in(&mut self, key: &Key, user: &str) {
        let mut body = self.inbound(key, "Event", Some(&json!({ "authenticated": "true" })));
        body["channel"]["from"] = json!({ "firstName": user, "lastName": "Guest" });
        body["events"] = presence("SignIn");
        let entry = Entry { at: self.now, body: body.clone(), tracing: None, attributes: Map::new(), visible_from: self.now };
        self.store(key, entry, None, None);
        self.broadcast(key, &frame::message("StructuredMessage", body, None));
    }

    fn authenticate(&self, key: &Key, request: &Request) -> Result<String, Refusal> {
        if !self.settings.of(&key.0).auth {
            return Err(Refusal::new(403, "HTTP authorization error"));
        }
        let code = request.body.get("data").and_then(|data| data.get("code")).and_then(Value::as_str);
        let bearer = code.and_then(|code| self.sign_in.jwts.get(code)).filter(|bearer| bearer.deployment == key.0);
        match bearer {
            None => Err(Refusal::new(403, "Try to authenticate again")),
            Some(bearer) if bearer.expires <= self.now => Err(Refusal::new(401, "User is unauthorized")),
            Some(bearer) => Ok(bearer.user.clone()),
        }
    }

    fn own(&mut self, key: &Key, user: &str) {
        if let Some(guest) = self.guests.get_mut(key) {
            guest.authenticated = true;
            if let Some(session) = &mut guest.session {
                session.user = Some(user.to_owned());
            }
        }
    }

    fn sessions_of_user(&self, deployment: &str, user: &str) -> Vec<Key> {
        self.guests
            .iter()
            .filter(|(key, guest)| {
                let owner = guest.session.as_ref().and_then(|session| session.user.as_deref());
                key.0 == deployment && owner == Some(user)
            })
            .map(|(key, _)| key.clone())
            .collect()
    }

    fn mint_auth(&mut self, bearer: &Bearer) -> String {
        let expires = self.now + self.settings.of(&bearer.deployment).auth_jwt_seconds * 1000;
        let claims = json!({ "exp": expires / 1000, "sub": bearer.user });
        let token = jwt::mint(&mut self.seed, &claims);
        self.sign_in.jwts.insert(token.clone(), Bearer { expires, ..bearer.clone() });
        token
    }
}
