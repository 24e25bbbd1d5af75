//! Access tokens for the session protocol and the streams: who gets one, how long it is good, what it was used for.
//!
//! `/oauth/token` is the client-credentials grant (RFC 6749 §4.4); `/demo-backend/token` is what a site's own backend
//! would serve to its pages, so that no credentials are in them. Tokens are opaque and not written anywhere.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::Platform;
use super::http::Answer;
use super::jwt;
use super::limits::{DAY, SECOND};
use super::session::Key;
use crate::exchange::HttpRequest;
use crate::url::{Target, decode, parameters};

/// The one secret that is not accepted.
const WRONG_SECRET: &str = "wrong";
/// How long a token that has expired is remembered, so that rules still know whose it was.
const REMEMBERED: u64 = DAY;

/// The tokens that were given out.
#[derive(Default)]
pub(super) struct AccessTokens {
    issued: BTreeMap<String, Issued>,
    given_out: u64,
}

struct Issued {
    /// In the order in which they were given out.
    number: u64,
    /// Unix milliseconds; 0 once it was made to expire.
    expires: u64,
    /// The deployment it was asked for, if one was named.
    deployment: Option<String>,
    /// The sessions it has made, read or connected to.
    used: BTreeSet<Key>,
}

/// Whose access tokens are meant.
#[derive(Clone, Copy)]
pub(crate) enum Whose<'a> {
    /// That one token.
    Token(&'a str),
    /// Those that were used for a session.
    Session(&'a Key),
    /// Those that were asked for a deployment, or used for a session of it.
    Deployment(&'a str),
}

impl AccessTokens {
    /// When a token that is still good expires.
    pub(super) fn good_until(&self, token: &str, now: u64) -> Option<u64> {
        self.issued.get(token).map(|issued| issued.expires).filter(|expires| *expires > now)
    }

    /// The deployment a token was asked for, good or not.
    pub(super) fn deployment_of(&self, token: &str) -> Option<&str> {
        self.issued.get(token)?.deployment.as_deref()
    }

    /// The deployment of the token that was given out last.
    pub(super) fn newest_deployment(&self) -> Option<&str> {
        self.issued.values().max_by_key(|issued| issued.number)?.deployment.as_deref()
    }

    pub(super) fn note_use(&mut self, token: &str, key: &Key) {
        if let Some(issued) = self.issued.get_mut(token) {
            issued.used.insert(key.clone());
        }
    }

    fn select(&mut self, whose: Whose) -> impl Iterator<Item = (&String, &mut Issued)> {
        self.issued.iter_mut().filter(move |(token, issued)| match whose {
            Whose::Token(wanted) => *token == wanted,
            Whose::Session(key) => issued.used.contains(key),
            Whose::Deployment(id) => issued.deployment.as_deref() == Some(id) || issued.used.iter().any(|key| key.0 == id),
        })
    }

    /// Forgets a deployment's tokens, or all. One that other deployments use too is still theirs.
    pub(super) fn reset(&mut self, deployment: Option<&str>) {
        let Some(id) = deployment else {
            self.issued.clear();
            return;
        };
        self.issued.retain(|_, issued| {
            let was_used = !issued.used.is_empty();
            issued.used.retain(|key| key.0 != id);
            issued.deployment.as_deref() != Some(id) && !(was_used && issued.used.is_empty())
        });
    }
}

impl Platform {
    /// `POST /oauth/token`.
    pub(super) fn oauth_token(&mut self, request: &HttpRequest) -> Answer {
        let body = String::from_utf8_lossy(&request.body);
        let refuse = |status: u16, error: &str| Answer::json(status, &json!({ "error": error })).header("cache-control", "no-store".into());
        match parameters(&body, "grant_type").next().as_deref() {
            None | Some("") => return refuse(400, "invalid_request"),
            Some("client_credentials") => {}
            Some(_) => return refuse(400, "unsupported_grant_type"),
        }
        let Some((client, secret)) = credentials(request) else {
            return refuse(401, "invalid_client");
        };
        if secret == WRONG_SECRET {
            return refuse(401, "invalid_client");
        }
        let deployment = Some(client).filter(|id| self.settings.has_own(id));
        self.issue(deployment)
    }

    /// `POST /demo-backend/token`.
    pub(super) fn backend_token(&mut self, target: &Target) -> Answer {
        self.issue(target.parameter("deploymentId").filter(|id| !id.is_empty()))
    }

    /// A fresh token; the deployment it is for decides how long it is good.
    fn issue(&mut self, deployment: Option<String>) -> Answer {
        let settings = deployment.as_deref().map_or(self.settings.global(), |id| self.settings.of(id));
        let seconds = settings.access_token_seconds;
        let token = format!("{}{}", self.seed.hex32(), self.seed.hex32());
        let (now, expires) = (self.now, self.now + seconds * SECOND);
        self.access.issued.retain(|_, issued| issued.expires + REMEMBERED > now);
        let answer = Answer::json(200, &json!({ "access_token": token, "token_type": "bearer", "expires_in": seconds }))
            .header("cache-control", "no-store".into());
        let answer = match &deployment {
            Some(id) => answer.of(id),
            None => answer,
        };
        self.access.given_out += 1;
        self.access.issued.insert(token, Issued { number: self.access.given_out, expires, deployment, used: BTreeSet::new() });
        answer
    }

    /// The deployment that a request for a token names, as far as a token would be tied to it.
    pub(super) fn deployment_of_client(&self, request: &HttpRequest) -> Option<String> {
        credentials(request).map(|(client, _)| client).filter(|id| self.settings.has_own(id))
    }

    /// The access token in a request's `Authorization`, if it is good.
    pub(super) fn good_bearer(&self, request: &HttpRequest) -> Option<String> {
        let token = jwt::bearer(request.header("authorization"))?;
        self.access.good_until(token, self.now).map(|_| token.to_owned())
    }

    /// Ends tokens now and closes the sockets that came with them. Tells whether there were any.
    pub(crate) fn expire_access(&mut self, whose: Whose) -> bool {
        let mut ended = BTreeSet::new();
        for (token, issued) in self.access.select(whose) {
            issued.expires = 0;
            ended.insert(token.clone());
        }
        for connection in self.connections.values_mut() {
            if let Some(access) = connection.access.as_mut().filter(|access| ended.contains(&access.token)) {
                access.expires = 0;
            }
        }
        self.streams.expire(|token| ended.contains(token));
        self.close_expired_sockets();
        self.ring_alarms();
        !ended.is_empty()
    }
}

/// Client id and secret, neither empty: of HTTP Basic (RFC 6749 §2.3.1, each form-encoded in it), or of the form.
fn credentials(request: &HttpRequest) -> Option<(String, String)> {
    let basic =
        request.header("authorization").and_then(|header| header.trim().split_once(' ')).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic"));
    let pair = match basic {
        Some((_, encoded)) => {
            let plain = String::from_utf8(base64(encoded.trim())?).ok()?;
            let (client, secret) = plain.split_once(':')?;
            (decode(client), decode(secret))
        }
        None => {
            let body = String::from_utf8_lossy(&request.body);
            (parameters(&body, "client_id").next()?, parameters(&body, "client_secret").next()?)
        }
    };
    Some(pair).filter(|(client, secret)| !client.is_empty() && !secret.is_empty())
}

/// Base64 with the standard alphabet, padding or not.
fn base64(text: &str) -> Option<Vec<u8>> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bytes = Vec::with_capacity(text.len() * 3 / 4);
    let (mut bits, mut held) = (0u32, 0);
    for digit in text.trim_end_matches('=').bytes() {
        let value = DIGITS.iter().position(|one| *one == digit)?;
        bits = bits << 6 | value as u32;
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(authorization: Option<&str>, body: &str) -> HttpRequest {
        let headers = authorization.map(|value| ("Authorization".to_owned(), value.to_owned()));
        HttpRequest { method: "POST".into(), target: "/oauth/token".into(), headers: headers.into_iter().collect(), body: body.into() }
    }

    #[test]
    fn base64_is_read_with_padding_and_without() {
        assert_eq!(base64("Zm8=").as_deref(), Some(&b"fo"[..]));
        assert_eq!(base64("Zm8").as_deref(), Some(&b"fo"[..]));
        assert_eq!(base64("Zm9v").as_deref(), Some(&b"foo"[..]));
        assert_eq!(base64("+/8=").as_deref(), Some(&[0xfb, 0xff][..]));
        assert_eq!(base64("Zm9v!"), None);
    }

    #[test]
    fn credentials_come_from_either_place() {
        let pair = |client: &str, secret: &str| Some((client.to_owned(), secret.to_owned()));
        assert_eq!(credentials(&request(None, "client_id=a%26b&client_secret=c+d")), pair("a&b", "c d"));
        // "a%26b:c%3Ad"
        assert_eq!(credentials(&request(Some("basic YSUyNmI6YyUzQWQ="), "")), pair("a&b", "c:d"));
        for (header, body) in
            [(None, ""), (None, "client_id=a"), (None, "client_id=&client_secret=s"), (Some("Basic !"), "client_id=a&client_secret=s")]
        {
            assert_eq!(credentials(&request(header, body)), None, "{header:?} {body}");
        }
    }
}
