//! Token responses (systems.md, G1), good and odd.

use crate::session_api::{AWKWARD, AWKWARD_ENCODED};
use guestwire::core::http::{Method, Reply, Unreachable};
use guestwire::core::machine::{Act, Now, RequestId};
use guestwire::core::secret::Secret;
use guestwire::core::token::{Asked, Source, Tokens};

const AT: Now = Now { mono: 0, unix: 1_767_225_600_000 };

/// What a token response comes to: the token, and after how many milliseconds it is to be replaced.
fn token(body: &str) -> Option<(String, u64)> {
    let mut tokens = Tokens::new(Source::Callback);
    assert_eq!(tokens.ask(AT, RequestId(1)), Some(Act::Token(RequestId(1))));
    match tokens.reply(AT, RequestId(1), Ok(Reply { status: 200, retry_after: None, body })) {
        Some(Asked::Got) => Some((tokens.good(AT)?.expose().to_string(), tokens.renew_at()?)),
        Some(Asked::Failed) => {
            assert_eq!((tokens.good(AT), tokens.renew_at()), (None, None));
            None
        }
        other => panic!("{body}: {other:?}"),
    }
}

/// G1: refreshed when less than 60 s are left.
#[test]
fn a_token_is_replaced_a_minute_before_it_runs_out() {
    let hour = Some(("t".to_string(), 3_540_000));
    assert_eq!(token(r#"{"access_token":"t","token_type":"bearer","expires_in":3600}"#), hour);
    assert_eq!(token(r#"{"expires_in":86399,"access_token":"a\u002fb\"","more":[{}]}"#), Some(("a/b\"".into(), 86_339_000)));
    // As some write whole numbers.
    assert_eq!(token(r#"{"access_token":"t","expires_in":3599.0}"#), Some(("t".into(), 3_539_000)));
    assert_eq!(token(r#"{"access_token":"t","expires_in":3600.9}"#), hour);
    assert_eq!(token(r#"{"access_token":"t","expires_in":"3600"}"#), hour);
    // RFC 6749 §5.1: `expires_in` may be left out. An hour is assumed.
    assert_eq!(token(r#"{"access_token":"t"}"#), hour);
    assert_eq!(token(r#"{"access_token":"t","expires_in":null}"#), hour);
}

#[test]
fn a_life_is_believed_for_a_week_at_most() {
    let week = Some(("t".to_string(), 7 * 24 * 3_600_000 - 60_000));
    for seconds in ["604800", "604801", "31536000", "9007199254740991", "9223372036854775807"] {
        assert_eq!(token(&format!(r#"{{"access_token":"t","expires_in":{seconds}}}"#)), week, "{seconds}");
    }
    assert_eq!(token(r#"{"access_token":"t","expires_in":604799}"#), Some(("t".into(), 604_739_000)));
}

/// faults.md row 9: expired or empty is no token.
#[test]
fn what_has_no_good_token_is_a_wrong_answer() {
    for body in [
        "",
        "null",
        "[]",
        "{}",
        "\"t\"",
        "<html>Please log in</html>",
        r#"{"access_token":"t","expires_in":3600"#,
        r#"["access_token"]"#,
        r#"{"access_token":""}"#,
        r#"{"access_token":null,"expires_in":3600}"#,
        r#"{"access_token":17,"expires_in":3600}"#,
        r#"{"access_token":{"value":"t"},"expires_in":3600}"#,
        r#"{"token":"t","expires_in":3600}"#,
        r#"{"access_token":"t","expires_in":0}"#,
        r#"{"access_token":"t","expires_in":-1}"#,
        r#"{"access_token":"t","expires_in":-3600.0}"#,
        r#"{"access_token":"t","expires_in":0.9}"#,
        r#"{"access_token":"t","expires_in":"soon"}"#,
        r#"{"access_token":"t","expires_in":""}"#,
        r#"{"access_token":"t","expires_in":true}"#,
        r#"{"access_token":"t","expires_in":[3600]}"#,
        r#"{"error":"invalid_client"}"#,
    ] {
        assert_eq!(token(body), None, "{body}");
    }
}

#[test]
fn what_the_answer_s_status_says() {
    let asked = |reply| {
        let mut tokens = Tokens::new(Source::Url("https://site.example/token".into()));
        tokens.ask(AT, RequestId(1)).expect("it asks");
        tokens.reply(AT, RequestId(1), reply)
    };
    let good = r#"{"access_token":"t","expires_in":3600}"#;
    let reply = |status, retry_after, body| Ok(Reply { status, retry_after, body });
    assert_eq!(asked(reply(200, None, good)), Some(Asked::Got));
    assert_eq!(asked(reply(201, None, good)), Some(Asked::Got));
    for status in [302, 400, 401, 403, 404] {
        assert_eq!(asked(reply(status, None, good)), Some(Asked::Failed), "{status}");
    }
    for status in [408, 429, 500, 502, 503, 504] {
        assert_eq!(asked(reply(status, None, good)), Some(Asked::Later(status, None)), "{status}");
    }
    assert_eq!(asked(reply(429, Some("7"), "")), Some(Asked::Later(429, Some(7_000))));
    assert_eq!(asked(Err(Unreachable::Network)), Some(Asked::Offline));
    assert_eq!(asked(Err(Unreachable::Timeout)), Some(Asked::Late));
}

/// G1: the grant is a form whose values are URL-encoded, with ten seconds to answer; a site's own backend is posted to.
#[test]
fn how_a_token_is_asked_for() {
    let ask = |source| match Tokens::new(source).ask(AT, RequestId(1)) {
        Some(Act::Fetch(RequestId(1), request)) => request,
        other => panic!("{other:?}"),
    };
    let grant = ask(Source::Grant { url: "https://h/oauth/token".into(), id: AWKWARD.into(), secret: Secret::new(AWKWARD.into()), basic: false });
    assert_eq!((grant.method, grant.url.as_str(), grant.timeout_ms), (Method::Post, "https://h/oauth/token", 10_000));
    assert_eq!(grant.authorization, None);
    let body = grant.body.expect("a form");
    assert_eq!(body.kind, "application/x-www-form-urlencoded");
    assert_eq!(body.text, format!("grant_type=client_credentials&client_id={AWKWARD_ENCODED}&client_secret={AWKWARD_ENCODED}"));
    let own = ask(Source::Url("https://site.example/token?chat=1".into()));
    assert_eq!((own.method, own.url.as_str(), own.timeout_ms), (Method::Post, "https://site.example/token?chat=1", 10_000));
    assert_eq!((own.authorization, own.body, own.cookies), (None, None, true));
}
