//! The browser's own facts, in a browser, against the running simulator: every act of the driver, and the session on it.
//! Each test has a deployment of its own. The simulator's address comes in at compile time as `GUESTWIRE_SIM_URL`.

#![cfg(target_arch = "wasm32")]

#[path = "web/stage.rs"]
mod stage;

use guestwire::core::http::{Method, Request, Unreachable};
use guestwire::core::machine::{Act, Lead, Page, RequestId, Role, SocketId, StoreFault, WriteId};
use guestwire::core::secret::Secret;
use stage::{Heard, Stage, control, deployment, dispatch, fill, lock_is_held, pretend_hidden, unfill, url, ws};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

const ONE: SocketId = SocketId(1);
const TWO: SocketId = SocketId(2);

fn socket_url(deployment: &str) -> String {
    [ws().as_str(), "/v1?deploymentId=", deployment].concat()
}

fn request(url: String, timeout_ms: u32) -> Request {
    Request { method: Method::Get, url, bearer: None, cookies: false, body: None, timeout_ms }
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
    let bearer = Some(Secret::new("not-a-token".into()));
    let history = [url(), "/api/v2/webmessaging/messages?pageNumber=1&pageSize=25"].concat();
    stage.act(Act::Fetch(RequestId(3), Request { bearer, ..request(history, 10_000) }));
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
async fn row_23_a_full_storage_says_so_at_every_byte_and_keeps_what_it_refused_in_memory() {
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
async fn row_16_a_page_that_leaves_gives_up_lock_socket_and_request_at_once() {
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
