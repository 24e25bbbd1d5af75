//! The browser's own facts, in a browser, against the running simulator: every act of the driver, and the session on it.
//! Each test has a deployment of its own. The simulator's address comes in at compile time as `GUESTWIRE_SIM_URL`.

#![cfg(target_arch = "wasm32")]

#[path = "web/stage.rs"]
mod stage;
#[path = "web/streams.rs"]
mod streams;

use guestwire::core::http::{Authorization, Body, Method, Reply, Request, Unreachable};
use guestwire::core::json::Document;
use guestwire::core::machine::{Act, Lead, Now, Page, RequestId, Role, SocketId, StoreFault, WriteId};
use guestwire::core::secret::Secret;
use guestwire::core::token::{Asked, Source, Tokens};
use guestwire::guest::wire::{Wire, session_api};
use stage::{Heard, Stage, control, deployment, dispatch, fill, lock_is_held, pretend_hidden, unfill, url, ws};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

const ONE: SocketId = SocketId(1);
const TWO: SocketId = SocketId(2);

fn socket_url(deployment: &str) -> String {
    [ws().as_str(), "/v1?deploymentId=", deployment].concat()
}

fn request(url: String, timeout_ms: u32) -> Request {
    Request { method: Method::Get, url, authorization: None, cookies: false, body: None, timeout_ms }
}

fn config(deployment: &str) -> String {
    [url(), "/webdeployments/v1/deployments/", deployment, "/config.json"].concat()
}

const ECHO: &str = r#"{"action":"echo","token":"00000000-0000-4000-8000-000000000000","tracingId":"t","message":{"type":"Text","text":"ping"}}"#;

// ---- sockets

#[wasm_bindgen_test]
async fn a_socket_opens_is_answered_and_closes_with_both_sides_agreed() {
    let stage = Stage::new();
    stage.act(Act::Open(ONE, socket_url(&deployment("plain"))));
    assert_eq!(stage.next().await, Heard::Opened(1));
    stage.act(Act::Send(ONE, ECHO.into()));
    // Not configured yet: the service says so, which is an answer.
    assert!(matches!(stage.next().await, Heard::Text(1, text) if text.contains("\"class\":\"string\"")));
    stage.act(Act::Shut(ONE, 1000));
    assert_eq!(stage.next().await, Heard::Closed(1, 1000, true));
}

#[wasm_bindgen_test]
async fn row_3_an_abandoned_handshake_does_not_hold_the_next_one_back() {
    let stage = Stage::new();
    let deployment = deployment("hole");
    control("faults", &[r#"{"on":"connect","match":{"deploymentId":""#, &deployment, r#""},"do":"blackhole"}"#].concat()).await;
    stage.act(Act::Open(ONE, socket_url(&deployment)));
    stage::until_hit(&deployment).await;
    stage.act(Act::Forget(ONE));
    stage.act(Act::Open(TWO, socket_url(&deployment)));
    // Nothing of the first one, and the second at once.
    assert_eq!(stage.next().await, Heard::Opened(2));
}

#[wasm_bindgen_test]
async fn row_4_a_refused_upgrade_is_a_close_without_an_open() {
    let stage = Stage::new();
    stage.act(Act::Open(ONE, socket_url(&deployment("refused"))));
    assert_eq!(stage.next().await, Heard::Closed(1, 1006, false));
}

#[wasm_bindgen_test]
async fn row_6_close_codes_and_lost_lines_are_told_apart() {
    let stage = Stage::new();
    let deployment = deployment("codes");
    for (id, rule, told) in
        [(1, r#""do":"accept-then-close","code":1011"#, (1011, true)), (2, r#""do":"accept-then-close","code":4321"#, (4321, true))]
    {
        control("faults", &[r#"{"on":"connect","match":{"deploymentId":""#, &deployment, r#""},"#, rule, "}"].concat()).await;
        stage.act(Act::Open(SocketId(id), socket_url(&deployment)));
        assert_eq!(stage.next().await, Heard::Opened(id));
        assert_eq!(stage.next().await, Heard::Closed(id, told.0, told.1));
    }
    control("faults", &[r#"{"on":"frame-in","match":{"deploymentId":""#, &deployment, r#""},"do":"drop"}"#].concat()).await;
    stage.act(Act::Open(SocketId(3), socket_url(&deployment)));
    assert_eq!(stage.next().await, Heard::Opened(3));
    stage.act(Act::Send(SocketId(3), ECHO.into()));
    assert_eq!(stage.next().await, Heard::Closed(3, 1006, false));
}

#[wasm_bindgen_test]
async fn a_close_code_that_a_page_may_not_give_closes_all_the_same() {
    let stage = Stage::new();
    stage.act(Act::Open(ONE, socket_url(&deployment("code"))));
    assert_eq!(stage.next().await, Heard::Opened(1));
    stage.act(Act::Shut(ONE, 1002));
    assert!(matches!(stage.next().await, Heard::Closed(1, _, true)));
}

#[wasm_bindgen_test]
async fn row_27_bytes_that_are_no_text_are_counted_and_the_socket_stays() {
    let stage = Stage::new();
    let deployment = deployment("bytes");
    control("faults", &[r#"{"on":"frame-out","match":{"deploymentId":""#, &deployment, r#""},"do":"garbage","as":"binary"}"#].concat()).await;
    stage.act(Act::Open(ONE, socket_url(&deployment)));
    assert_eq!(stage.next().await, Heard::Opened(1));
    stage.act(Act::Send(ONE, ECHO.into()));
    assert!(matches!(stage.next().await, Heard::Binary(1, bytes) if bytes > 0));
    stage.act(Act::Send(ONE, ECHO.into()));
    assert!(matches!(stage.next().await, Heard::Text(1, _)));
}

#[wasm_bindgen_test]
async fn a_url_that_no_socket_takes_is_a_close_like_any_other() {
    let stage = Stage::new();
    stage.act(Act::Open(ONE, "nonsense:".into()));
    assert_eq!(stage.next().await, Heard::Closed(1, 1006, false));
}

// ---- requests

#[wasm_bindgen_test]
async fn a_request_brings_status_and_body_and_carries_its_bearer() {
    let stage = Stage::new();
    stage.act(Act::Fetch(RequestId(1), request(config(&deployment("c")), 10_000)));
    assert!(matches!(stage.next().await, Heard::Reply(1, Ok((200, body))) if body.contains("\"status\":\"Active\"")));
    stage.act(Act::Fetch(RequestId(2), request(config(&deployment("missing")), 10_000)));
    assert!(matches!(stage.next().await, Heard::Reply(2, Ok((404, _)))));
    let authorization = Some(Authorization::Bearer(Secret::new("not-a-token".into())));
    let history = [url(), "/api/v2/webmessaging/messages?pageNumber=1&pageSize=25"].concat();
    stage.act(Act::Fetch(RequestId(3), Request { authorization, ..request(history, 10_000) }));
    // Unknown and not missing: the header went through the preflight.
    assert!(matches!(stage.next().await, Heard::Reply(3, Ok((401, _)))));
}

#[wasm_bindgen_test]
async fn a_network_that_is_away_and_one_that_does_not_answer_are_told_apart() {
    let stage = Stage::new();
    stage.act(Act::Fetch(RequestId(1), request("http://127.0.0.1:9/".into(), 10_000)));
    assert_eq!(stage.next().await, Heard::Reply(1, Err(Unreachable::Network)));
    let deployment = deployment("slow");
    control("faults", &[r#"{"on":"http","match":{"deploymentId":""#, &deployment, r#""},"do":"delay","ms":60000}"#].concat()).await;
    stage.act(Act::Fetch(RequestId(2), request(config(&deployment), 200)));
    assert_eq!(stage.next().await, Heard::Reply(2, Err(Unreachable::Timeout)));
}

#[wasm_bindgen_test]
async fn a_request_given_up_says_nothing() {
    let stage = Stage::new();
    let id = deployment("abort");
    stage.act(Act::Fetch(RequestId(1), request(config(&id), 10_000)));
    stage.act(Act::Abort(RequestId(1)));
    stage.act(Act::Fetch(RequestId(2), request(config(&id), 10_000)));
    assert!(matches!(stage.next().await, Heard::Reply(2, Ok((200, _)))));
}

#[wasm_bindgen_test]
async fn a_body_over_four_megabytes_is_not_read() {
    let stage = Stage::new();
    stage.act(Act::Fetch(RequestId(1), request(stage::big_blob(4 << 20), 10_000)));
    assert!(matches!(stage.next().await, Heard::Reply(1, Ok((200, body))) if body.len() == 4 << 20));
    stage.act(Act::Fetch(RequestId(2), request(stage::big_blob((4 << 20) + 1), 10_000)));
    assert_eq!(stage.next().await, Heard::Reply(2, Err(Unreachable::Network)));
}

#[wasm_bindgen_test]
async fn a_post_arrives_with_its_body_and_its_kind() {
    let stage = Stage::new();
    let post = |kind, text: &str| Request {
        method: Method::Post,
        body: Some(Body { kind, text: text.into() }),
        ..request([url(), "/oauth/token"].concat(), 10_000)
    };
    const FORM: &str = "application/x-www-form-urlencoded";
    for (id, kind, text, status, says) in [
        (1, FORM, "grant_type=client_credentials&client_id=kiosk&client_secret=s%26%3D", 200, "\"access_token\""),
        // Decoded, this is the one secret that is refused.
        (2, FORM, "grant_type=client_credentials&client_id=kiosk&client_secret=%77rong", 401, "invalid_client"),
        (3, FORM, "grant_type=password&client_id=kiosk&client_secret=s", 400, "unsupported_grant_type"),
    ] {
        stage.act(Act::Fetch(RequestId(id), post(kind, text)));
        let heard = stage.next().await;
        assert!(matches!(&heard, Heard::Reply(told, Ok((found, body))) if *told == id && *found == status && body.contains(says)), "{heard:?}");
    }
}

#[wasm_bindgen_test]
async fn cookies_go_along_to_the_site_s_own_origin_and_only_where_the_request_says_so() {
    let stage = Stage::new();
    for (id, cookies, credentials) in [(1, true, "same-origin"), (2, false, "omit")] {
        stage.act(Act::Fetch(RequestId(id), Request { cookies, ..request(config(&deployment("cookies")), 10_000) }));
        assert!(matches!(stage.next().await, Heard::Reply(told, Ok((200, _))) if told == id));
        assert_eq!(stage::last_credentials(), credentials);
    }
}

// ---- access tokens

#[wasm_bindgen_test]
async fn row_9_what_the_page_gives_for_a_token_comes_as_an_answer() {
    let stage = Stage::giving("token");
    stage.act(Act::Token(RequestId(1)));
    let heard = stage.next().await;
    let Heard::Reply(1, Ok((200, body))) = &heard else { panic!("{heard:?}") };
    let document = Document::parse(body).expect("JSON");
    assert_eq!((document.root().text("access_token"), document.root().int("expires_in")), (Some("t/+="), Some(3600)));
}

#[wasm_bindgen_test]
async fn row_9_a_page_that_refuses_a_token_or_throws_is_no_exception() {
    for gives in ["nothing", "exception"] {
        let stage = Stage::giving(gives);
        for id in [1, 2] {
            stage.act(Act::Token(RequestId(id)));
            assert_eq!(stage.next().await, Heard::Reply(id, Err(Unreachable::Network)), "{gives}");
        }
    }
}

#[wasm_bindgen_test]
async fn row_9_a_page_that_never_gives_a_token_is_given_up_after_ten_seconds() {
    let stage = Stage::giving("silence");
    stage.act(Act::Token(RequestId(1)));
    stage::skip(5_000);
    stage.wake_in(20);
    let early = stage.next().await;
    stage::skip(10_000);
    stage.wake_in(20);
    let late = [stage.next().await, stage.next().await];
    stage::unskip();
    assert_eq!(early, Heard::Timeout);
    assert_eq!(late, [Heard::Reply(1, Err(Unreachable::Timeout)), Heard::Timeout]);
}

#[wasm_bindgen_test]
async fn a_token_that_nobody_waits_for_any_more_says_nothing_and_leaves_nothing() {
    let stage = Stage::giving("token");
    stage.act(Act::Token(RequestId(1)));
    stage.act(Act::Abort(RequestId(1)));
    stage.act(Act::Token(RequestId(2)));
    assert!(matches!(stage.next().await, Heard::Reply(2, Ok((200, _)))));
    let stage = Stage::giving("silence");
    stage.act(Act::Token(RequestId(1)));
    assert!(stage.bag_size() > 0);
    assert_eq!(stage.end().size(), 0);
}

// ---- the session protocol

#[wasm_bindgen_test]
async fn g1_to_g4_a_token_a_session_and_its_socket_which_answers_a_ping_and_echoes_a_text() {
    let stage = Stage::new();
    let now = Now::default();
    let source = Source::Grant { url: [url(), "/oauth/token"].concat(), id: "a b".into(), secret: Secret::new("s&=+%".into()), basic: false };
    let mut tokens = Tokens::new(source);
    stage.act(tokens.ask(now, RequestId(1)).expect("it asks"));
    let heard = stage.next().await;
    let Heard::Reply(1, Ok((status, body))) = &heard else { panic!("{heard:?}") };
    assert_eq!(tokens.reply(now, RequestId(1), Ok(Reply { status: *status, retry_after: None, body })), Some(Asked::Got));
    let token = tokens.good(now).expect("a token").clone();

    let deployment = deployment("session");
    stage.act(Act::Fetch(RequestId(2), session_api::create(url(), &deployment, &token)));
    let heard = stage.next().await;
    let Heard::Reply(2, Ok((200, body))) = &heard else { panic!("{heard:?}") };
    let session = session_api::created(body).expect("a session");
    // The deployment arrived in the body.
    assert_eq!(stage::guests(&deployment).await, [session.as_str()]);

    stage.act(Act::Open(ONE, session_api::socket_url(&ws(), &session, &token)));
    assert_eq!(stage.next().await, Heard::Opened(1));
    stage.act(Act::Send(ONE, session_api::PING.into()));
    assert_eq!(stage.next().await, Heard::Text(1, r#"{"type":"pong"}"#.into()));
    stage.act(Act::Send(ONE, session_api::message("plain \"text\" \u{1f600}")));
    let heard = stage.next().await;
    let Heard::Text(1, echo) = &heard else { panic!("{heard:?}") };
    let document = Document::parse(echo).expect("JSON");
    let said = |name: &str| document.root().text(name);
    assert_eq!((said("senderId"), said("text"), said("type")), (Some(session.as_str()), Some("plain \"text\" \u{1f600}"), Some("text")));

    let authorization = Some(Authorization::Bearer(token.clone()));
    let history = session_api::history_url(url(), &session, None);
    stage.act(Act::Fetch(RequestId(3), Request { authorization, ..request(history, 15_000) }));
    let heard = stage.next().await;
    let Heard::Reply(3, Ok((200, body))) = &heard else { panic!("{heard:?}") };
    let document = Document::parse(body).expect("JSON");
    let page = Wire::Session.page(&document, &session).expect("a page");
    assert_eq!(page.entries.iter().map(|entry| entry.text).collect::<Vec<_>>(), [Some("plain \"text\" \u{1f600}")]);
    stage.act(Act::Shut(ONE, 1000));
    assert_eq!(stage.next().await, Heard::Closed(1, 1000, true));
}

#[wasm_bindgen_test]
async fn g11_a_socket_without_a_good_token_is_a_close_without_an_open() {
    let stage = Stage::new();
    stage.act(Act::Open(ONE, session_api::socket_url(&ws(), "nobody's", &Secret::new("no token".into()))));
    assert_eq!(stage.next().await, Heard::Closed(1, 1006, false));
}

#[wasm_bindgen_test]
async fn g7_what_was_sent_before_a_reload_goes_over_the_session_protocol_after_it() {
    let deployment = deployment("session-reload");
    let backend = [url(), "/demo-backend/token?deploymentId=", &deployment].concat();
    let page = stage::Chat::of_session(&deployment, "silence");
    for text in ["one", "two"] {
        assert!(page.send(text));
    }
    page.start();
    page.end();
    let page = stage::Chat::of_session(&deployment, &backend);
    page.start();
    page.until_sent(2).await;
    assert_eq!(stage::stored_texts(&deployment).await, ["one", "two"]);
    page.forget().await;
}

// ---- time

#[wasm_bindgen_test]
async fn rows_12_to_15_the_timer_comes_when_asked_for_and_not_before() {
    let stage = Stage::new();
    let before = stage.now();
    stage.wake_in(50);
    assert_eq!(stage.next().await, Heard::Timeout);
    assert!(stage.now() >= before + 50);
    // Over 2^31 ms a browser's timer would fire at once.
    stage.wake_in(1 << 40);
    stage.act(Act::Fetch(RequestId(1), request(config(&deployment("t")), 10_000)));
    assert!(matches!(stage.next().await, Heard::Reply(1, Ok(_))));
}

// ---- storage

#[wasm_bindgen_test]
async fn what_is_written_is_read_back_by_prefix_also_by_the_next_life() {
    let prefix = ["gw1:", &deployment("kept"), ":"].concat();
    let stage = Stage::with("local", "");
    for (id, name) in [(1, "a"), (2, "b")] {
        stage.act(Act::Store(WriteId(id), [&prefix, name].concat(), Some(name.into())));
        assert_eq!(stage.next().await, Heard::Stored(id, Ok(())));
    }
    stage.act(Act::Store(WriteId(3), [&prefix, "a"].concat(), None));
    assert_eq!(stage.next().await, Heard::Stored(3, Ok(())));
    drop(stage);
    let stage = Stage::with("local", "");
    stage.act(Act::Load(prefix.clone()));
    assert_eq!(stage.next().await, Heard::Loaded(vec![([&prefix, "b"].concat(), "b".into())]));
    stage.act(Act::Store(WriteId(1), [&prefix, "b"].concat(), None));
}

#[wasm_bindgen_test]
async fn row_23_a_full_storage_says_so_at_ten_places_and_keeps_what_it_refused_in_memory() {
    let prefix = ["gw1:", &deployment("full"), ":"].concat();
    let key = [&prefix, "m:1:x"].concat();
    let value = "v".repeat(1000);
    let whole = key.len() + value.len();
    let stage = Stage::with("local", "");
    for position in 0..10 {
        fill((whole * position / 10) as u32);
        stage.act(Act::Store(WriteId(1), key.clone(), Some(value.clone())));
        assert_eq!(stage.next().await, Heard::Stored(1, Err(StoreFault::Full)), "with room for {position} tenths");
        stage.act(Act::Load(prefix.clone()));
        assert_eq!(stage.next().await, Heard::Loaded(vec![(key.clone(), value.clone())]));
        // Removing works on a full storage, and takes it out of memory too.
        stage.act(Act::Store(WriteId(2), key.clone(), None));
        assert_eq!(stage.next().await, Heard::Stored(2, Ok(())));
        stage.act(Act::Load(prefix.clone()));
        assert_eq!(stage.next().await, Heard::Loaded(vec![]));
    }
    unfill();
    stage.act(Act::Store(WriteId(3), key.clone(), Some(value)));
    assert_eq!(stage.next().await, Heard::Stored(3, Ok(())));
    stage.act(Act::Store(WriteId(4), key, None));
}

#[wasm_bindgen_test]
async fn row_23_storage_that_is_missing_or_forbidden_is_a_fault_and_no_exception() {
    for stage in [Stage::without_storage(), Stage::with_forbidden_storage()] {
        stage.act(Act::Store(WriteId(1), "gw1:x:k".into(), Some("v".into())));
        assert_eq!(stage.next().await, Heard::Stored(1, Err(StoreFault::Unavailable)));
        stage.act(Act::Load("gw1:x:".into()));
        assert_eq!(stage.next().await, Heard::Loaded(vec![("gw1:x:k".into(), "v".into())]));
    }
}

#[wasm_bindgen_test]
async fn storage_in_memory_is_no_fault_and_touches_nothing() {
    let stage = Stage::with("memory", "");
    stage.act(Act::Store(WriteId(1), "gw1:only-memory:k".into(), Some("v".into())));
    assert_eq!(stage.next().await, Heard::Stored(1, Ok(())));
    let other = Stage::with("local", "");
    other.act(Act::Load("gw1:only-memory:".into()));
    assert_eq!(other.next().await, Heard::Loaded(vec![]));
}

// ---- the page's life

#[wasm_bindgen_test]
async fn rows_15_to_17_the_page_tells_of_its_life() {
    let stage = Stage::new();
    for (target, event, members, page) in [
        ("window", "pagehide", "{}", Page::Left),
        ("window", "pageshow", r#"{"persisted":true}"#, Page::Shown),
        ("document", "resume", "{}", Page::Resumed),
        ("window", "focus", "{}", Page::Focused),
        ("window", "online", "{}", Page::Online),
        ("window", "offline", "{}", Page::Offline),
        ("window", "pointerdown", "{}", Page::Input),
    ] {
        dispatch(target, event, members);
        assert_eq!(stage.next().await, Heard::Page(page), "{event}");
    }
    // The second input within 30 s is none of our business, nor is the first `pageshow` of a page.
    dispatch("window", "keydown", "{}");
    dispatch("window", "pageshow", r#"{"persisted":false}"#);
    for (hidden, page) in [(true, Page::Hidden), (false, Page::Visible)] {
        pretend_hidden(hidden);
        dispatch("document", "visibilitychange", "{}");
        assert_eq!(stage.next().await, Heard::Page(page));
    }
}

// ---- tabs

#[wasm_bindgen_test]
async fn row_29_one_leads_the_other_follows_until_the_first_leaves() {
    let name = ["guestwire:", &deployment("lock"), ":local"].concat();
    let (first, second) = (Stage::with("local", &name), Stage::with("local", &name));
    first.act(Act::Lead(Lead::Join));
    assert_eq!(first.next().await, Heard::Role(Role::Leader));
    second.act(Act::Lead(Lead::Join));
    assert_eq!(second.next().await, Heard::Role(Role::Follower));
    first.act(Act::Lead(Lead::Leave));
    assert_eq!(second.next().await, Heard::Role(Role::Leader));
}

#[wasm_bindgen_test]
async fn row_29_a_stolen_lead_is_told_and_comes_back_when_the_thief_is_gone() {
    let name = ["guestwire:", &deployment("steal"), ":local"].concat();
    let (first, second) = (Stage::with("local", &name), Stage::with("local", &name));
    first.act(Act::Lead(Lead::Join));
    assert_eq!(first.next().await, Heard::Role(Role::Leader));
    second.act(Act::Lead(Lead::Join));
    assert_eq!(second.next().await, Heard::Role(Role::Follower));
    second.act(Act::Lead(Lead::Steal));
    assert_eq!(second.next().await, Heard::Role(Role::Leader));
    assert_eq!(first.next().await, Heard::Role(Role::Follower));
    drop(second);
    assert_eq!(first.next().await, Heard::Role(Role::Leader));
}

#[wasm_bindgen_test]
async fn without_locks_and_with_nothing_to_share_everyone_leads() {
    for stage in [Stage::without_locks(), Stage::with("memory", "")] {
        stage.act(Act::Lead(Lead::Join));
        assert_eq!(stage.next().await, Heard::Role(Role::Leader));
    }
}

#[wasm_bindgen_test]
async fn row_16_what_the_core_gives_up_as_the_page_leaves_is_given_up_at_once() {
    let deployment = deployment("leave");
    let name = ["guestwire:", &deployment, ":local"].concat();
    let stage = Stage::with("local", &name);
    stage.act(Act::Lead(Lead::Join));
    assert_eq!(stage.next().await, Heard::Role(Role::Leader));
    stage.act(Act::Open(ONE, socket_url(&deployment)));
    assert_eq!(stage.next().await, Heard::Opened(1));
    stage.on_page_left(vec![Act::Shut(ONE, 1000), Act::Lead(Lead::Leave)]);
    dispatch("window", "pagehide", "{}");
    assert_eq!(stage.next().await, Heard::Page(Page::Left));
    assert_eq!(stage.next().await, Heard::Closed(1, 1000, true));
    assert!(!lock_is_held(&name).await);
}

// ---- the end

#[wasm_bindgen_test]
async fn i6_a_driver_that_is_gone_leaves_nothing() {
    let deployment = deployment("gone");
    let name = ["guestwire:", &deployment, ":local"].concat();
    let stage = Stage::with("local", &name);
    stage.act(Act::Lead(Lead::Join));
    assert_eq!(stage.next().await, Heard::Role(Role::Leader));
    stage.act(Act::Open(ONE, socket_url(&deployment)));
    assert_eq!(stage.next().await, Heard::Opened(1));
    stage.act(Act::Fetch(RequestId(1), request(config(&deployment), 10_000)));
    stage.wake_in(1000);
    assert!(stage.bag_size() > 0);
    let bag = stage.end();
    assert_eq!(bag.size(), 0);
    stage::until_closed(&deployment).await;
    assert!(!lock_is_held(&name).await);
}

// ---- the session

#[wasm_bindgen_test]
async fn rows_18_to_20_what_was_sent_before_a_reload_is_there_once_and_in_order_after_it() {
    let deployment = deployment("reload");
    let page = stage::Chat::new(&deployment);
    // Nothing connects yet, and the page goes.
    for text in ["one", "two", "three"] {
        assert!(page.send(text));
    }
    page.end();
    let page = stage::Chat::new(&deployment);
    page.start();
    page.until_sent(3).await;
    assert_eq!(stage::stored_texts(&deployment).await, ["one", "two", "three"]);
    page.forget().await;
}
