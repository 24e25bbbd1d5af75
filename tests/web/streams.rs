//! The streams in a browser: real sockets, requests and timers, against the running simulator.

use super::stage::{Flow, control, deployment};
use guestwire::browser::streams::{Kind, StreamCall};
use wasm_bindgen_test::wasm_bindgen_test;

/// Sends something on a deployment's stream.
async fn emit(deployment: &str, what: &str) {
    control("stream", &[r#"{"deploymentId":""#, deployment, r#"","#, what, "}"].concat()).await;
}

async fn fault(deployment: &str, rule: &str) {
    control("faults", &[r#"{"match":{"deploymentId":""#, deployment, r#""},"#, rule, "}"].concat()).await;
}

#[wasm_bindgen_test]
async fn l3_round_trips_are_measured_on_a_real_socket() {
    let flow = Flow::new(Kind::Latency, &deployment("latency"), r#","connectionId":"monitor-001","pingIntervalMs":100"#);
    flow.start().await;
    flow.until_told_times("probe", 3).await;
    assert!(flow.figure("latencyMs").is_some_and(|ms| (0.0..5_000.0).contains(&ms)));
    assert_eq!(flow.figure("timeouts"), Some(0.0));
    assert_eq!(flow.end(), 0, "nothing of it is left");
}

#[wasm_bindgen_test]
async fn e5_events_come_once_and_in_the_order_of_their_time() {
    let deployment = deployment("events");
    let flow = Flow::new(Kind::Conversations, &deployment, r#","holdMs":100"#);
    flow.start().await;
    let event =
        |id: &str, second: &str| [r#"{"id":""#, id, r#"","timestamp":"2026-01-06T13:00:"#, second, r#".000Z","type":"T","data":{}}"#].concat();
    // In one frame, so that all of it is held together.
    emit(
        &deployment,
        &[r#""to":"conversations","batch":true,"events":["#, &event("b", "02"), ",", &event("a", "01"), ",", &event("b", "02"), "]"].concat(),
    )
    .await;
    let text = flow.take().await;
    let at = |id: &str| text.find(&[r#""id":""#, id, "\""].concat()).expect("it came");
    assert!(at("a") < at("b"), "{text}");
    assert_eq!(flow.figure("duplicates"), Some(1.0));
    assert_eq!(flow.end(), 0);
}

#[wasm_bindgen_test]
async fn i4_text_and_binary_frames_are_read_and_i8_a_lost_line_brings_back_what_was_missed() {
    let deployment = deployment("interactions");
    let flow = Flow::new(Kind::Interactions, &deployment, r#","backoff":{"baseMs":1,"maxMs":10}"#);
    flow.start().await;
    let event = |who: &str| {
        [r#"{"timestamp":"2026-01-06T13:00:00.000Z","type":"ParticipantJoined","participant":""#, who, r#"","interaction":"i","channel":"voice"}"#]
            .concat()
    };
    let joins: Vec<_> = ["p1", "p2", "p3", "p4"].into_iter().map(event).collect();
    // Every third is a binary frame.
    emit(&deployment, &[r#""to":"interactions","events":["#, &joins.join(","), "]"].concat()).await;
    let mut text = String::new();
    while !text.contains("p4") {
        text += &flow.take().await;
    }
    assert!(["p1", "p2", "p3"].iter().all(|who| text.contains(who)), "{text}");
    fault(&deployment, r#""on":"frame-out","do":"drop""#).await;
    emit(&deployment, &[r#""to":"interactions","events":["#, &event("p5"), "]"].concat()).await;
    let again = flow.take().await;
    assert!(again.contains("p5") && !again.contains("p4"), "{again}");
    let timeline = flow.call(StreamCall::Timeline, "i", 0.0).as_string().expect("JSON");
    assert_eq!(timeline.matches("ParticipantJoined").count(), 5, "{timeline}");
    assert_eq!(flow.end(), 0);
}

#[wasm_bindgen_test]
async fn p1_the_token_goes_into_the_query_and_p5_updates_reach_a_group() {
    let deployment = deployment("presence");
    let channels = r#","reorderMs":0,"channels":[{"id":"c","type":"presence","config":{"userId":"u"}}]"#;
    let flow = Flow::new(Kind::Presence, &deployment, channels);
    flow.call(StreamCall::Register, r#"{"id":"g","channels":["c"]}"#, 0.0);
    flow.start().await;
    let update = r#"{"timestamp":"2026-01-06T13:00:00.000Z","eventType":"changed","payload":{"userId":"u","presence":"busy"}}"#;
    emit(&deployment, &[r#""to":"presence","updates":["#, update, "]"].concat()).await;
    assert!(flow.take().await.contains(r#""presence":"busy""#));
    let of_group = flow.call(StreamCall::Take, "g", 10.0).as_string().expect("the group has it too");
    assert!(of_group.contains(r#""channelId":"c""#), "{of_group}");
    assert_eq!(flow.end(), 0);
}

#[wasm_bindgen_test]
async fn the_notifications_service_is_asked_by_requests_and_heard_on_its_socket() {
    let deployment = deployment("notified");
    let channels = r#","dialect":"notifications","reorderMs":0,"channels":[{"id":"c","type":"presence","config":{"userId":"u"}}]"#;
    let flow = Flow::new(Kind::Presence, &deployment, channels);
    flow.start().await;
    let body = r#"{"presenceDefinition":{"id":"p","systemPresence":"MEAL"},"modifiedDate":"2026-01-06T13:00:00.000Z"}"#;
    emit(&deployment, &[r#""to":"notifications","topic":"v2.users.u.presence","body":"#, body].concat()).await;
    assert!(flow.take().await.contains(r#""presence":"lunch""#));
    assert_eq!(flow.end(), 0);
}
