//! The session protocol's socket: who is let in, what comes back, who else speaks, how it ends (systems.md G3, G7, G8;
//! README "Session protocol").

use super::session_api::{SESSIONS, body, create, join, read, say, session, token_for, words};
use super::*;

#[test]
fn an_upgrade_is_refused_with_the_status_of_the_reason() {
    let mut world = World::new();
    let (id, token) = session(&mut world);
    let refused = body(&create(&mut world, &token, "refused-1"))["id"].as_str().unwrap().to_owned();
    for (session, token, status) in [(id.as_str(), "nonsense", 401), (&id, "", 401), ("nobody", &token, 404), (&refused, &token, 403)] {
        let socket = join(&mut world, session, token);
        assert_eq!(world.states[&socket], State::Refused(status, vec![]), "{session}");
    }
    let without = world.connect_to(&format!("{SESSIONS}/{id}/messages"), None);
    assert_eq!(world.states[&without], State::Refused(401, vec![]));
    let records = world.log("http");
    let last = records.last().unwrap();
    assert_eq!((&last["status"], &last["path"], &last["token"]), (&json!(401), &json!(format!("{SESSIONS}/{id}/messages")), &json!(id)));
}

#[test]
fn a_text_comes_back_to_every_socket_of_the_session() {
    let mut world = World::new();
    let (id, token) = session(&mut world);
    let sockets: Vec<ConnectionId> = (0..5).map(|_| join(&mut world, &id, &token)).collect();
    for socket in &sockets {
        assert_eq!(world.states[socket], State::Open);
        assert_eq!(world.frames(*socket), Vec::<Value>::new(), "nothing is sent first");
    }
    world.pass(704);
    say(&mut world, sockets[0], "hi");
    let echo = world.frame(sockets[0]);
    let server_id = echo["id"].as_str().unwrap().to_owned();
    assert_eq!(echo, json!({ "id": server_id, "senderId": id, "text": "hi", "timestamp": "2026-01-01T00:00:00.704Z", "type": "text" }));
    for socket in &sockets[1..] {
        assert_eq!(world.frame(*socket), echo);
    }
    let stored = &world.log("stored")[0];
    assert_eq!((&stored["text"], &stored["serverId"], &stored["token"]), (&json!("hi"), &json!(server_id), &json!(id)));
    assert_eq!((&stored["direction"], &stored["action"]), (&json!("Inbound"), &json!("message")));
    let listed = world.get("/_sim/sessions");
    assert_eq!(listed[0]["connections"], 5);
    assert_eq!((&listed[0]["messages"][0]["direction"], &listed[0]["messages"][0]["serverId"]), (&json!("Inbound"), &json!(server_id)));
}

#[test]
fn a_ping_is_answered_on_its_socket_alone() {
    let mut world = World::new();
    let (id, token) = session(&mut world);
    let (one, other) = (join(&mut world, &id, &token), join(&mut world, &id, &token));
    world.send(one, json!({ "type": "ping" }));
    assert_eq!(world.frame(one), json!({ "type": "pong" }));
    assert_eq!(world.frames(other), Vec::<Value>::new());
    assert_eq!(world.log("frame-in")[0]["action"], "ping");
    assert_eq!((&world.log("frame-out")[0]["class"], &world.log("frame-out")[0]["action"]), (&json!("pong"), &json!("ping")));
}

#[test]
fn what_is_not_understood_is_ignored() {
    let mut world = World::new();
    let (id, token) = session(&mut world);
    let socket = join(&mut world, &id, &token);
    let long = "ä".repeat(2_048) + "x";
    for frame in [
        json!({ "type": "text" }),
        json!({ "text": "hi" }),
        json!({ "text": 1, "type": "text" }),
        json!({ "text": "", "type": "text" }),
        json!({ "text": "hi", "type": "typing" }),
        json!({ "text": long, "type": "text" }),
        json!({ "action": "onMessage", "token": "t", "message": { "type": "Text", "text": "hi" } }),
        json!([{ "type": "ping" }]),
    ] {
        world.send(socket, frame);
    }
    world.send_text(socket, "{ not JSON");
    assert_eq!(world.frames(socket), Vec::<Value>::new());
    assert_eq!(world.states[&socket], State::Open);
    say(&mut world, socket, &"ä".repeat(2_048));
    assert_eq!(world.frame(socket)["type"], "text");
    assert_eq!(world.stored(&id).len(), 1);
}

#[test]
fn the_agent_speaks_and_has_nothing_but_text() {
    let mut world = World::new();
    world.guest("t");
    let (id, token) = session(&mut world);
    let socket = join(&mut world, &id, &token);
    let answer = world.post("/_sim/agent", json!({ "do": "text", "text": "Hello" }));
    assert_eq!(answer["token"], id, "the newest");
    let frame = world.frame(socket);
    assert_eq!((&frame["senderId"], &frame["text"], &frame["id"]), (&json!("agent"), &json!("Hello"), &answer["serverId"]));
    assert_eq!(world.log("stored")[0]["direction"], "Outbound");
    for act in [
        json!({ "do": "typing" }),
        json!({ "do": "structured", "content": [] }),
        json!({ "do": "event", "text": "Join" }),
        json!({ "do": "disconnect" }),
    ] {
        let (status, answer) = world.control("POST", "/_sim/agent", &act.to_string());
        assert_eq!(status, 400);
        assert_eq!(answer["error"], format!("the session protocol has no {}", act["do"].as_str().unwrap()));
    }
    assert_eq!(world.frames(socket), Vec::<Value>::new());
}

#[test]
fn a_raw_frame_is_sent_as_it_is_and_stored_if_asked() {
    let mut world = World::new();
    let (id, token) = session(&mut world);
    let socket = join(&mut world, &id, &token);
    let frame = json!({ "id": "r1", "senderId": "agent", "text": "raw", "timestamp": "2026-01-01T00:00:00.000Z", "type": "text" });
    world.post("/_sim/agent", json!({ "token": id, "do": "raw", "frame": frame }));
    world.post("/_sim/agent", json!({ "token": id, "do": "raw", "frame": frame, "store": true }));
    assert_eq!(world.frames(socket), [frame.clone(), frame.clone()]);
    assert_eq!(body(&read(&mut world, &id, &token, ""))["items"], json!([frame]));
    world.post("/_sim/agent", json!({ "token": id, "do": "raw", "frame": "{not json" }));
    assert_eq!(world.inboxes.remove(&socket).unwrap(), ["{not json"]);
    let nameless = json!({ "token": id, "do": "raw", "frame": { "type": "text", "text": "x" }, "store": true });
    assert_eq!(world.control("POST", "/_sim/agent", &nameless.to_string()).0, 400);
}

#[test]
fn the_bot_answers_with_texts_and_nothing_else() {
    let mut world = World::with(json!({ "bot": "script" }));
    let (id, token) = session(&mut world);
    let socket = join(&mut world, &id, &token);
    world.pass(1_000);
    assert_eq!(world.frames(socket), Vec::<Value>::new(), "nobody joins here, so nobody is greeted");
    for (heard, answer) in [
        ("parrot", vec!["You said: parrot"]),
        ("card", vec!["Our offer"]),
        ("image", vec!["Here is a picture."]),
        ("typing", vec![]),
        ("unknown", vec![]),
        ("readonly", vec![]),
    ] {
        say(&mut world, socket, heard);
        world.frame(socket);
        world.pass(299);
        assert_eq!(world.frames(socket), Vec::<Value>::new(), "it does not even type");
        world.pass(1);
        let frames = world.frames(socket);
        assert_eq!(words(&frames), answer, "{heard}");
        for frame in frames {
            assert_eq!((&frame["senderId"], frame.as_object().unwrap().len()), (&json!("bot"), 5));
        }
    }
    assert_eq!(world.get("/_sim/sessions")[0]["readOnly"], false);
}

#[test]
fn a_kick_closes_the_oldest_socket() {
    let mut world = World::new();
    let (id, token) = session(&mut world);
    let (oldest, newest) = (join(&mut world, &id, &token), join(&mut world, &id, &token));
    world.post("/_sim/agent", json!({ "token": id, "do": "kick" }));
    assert_eq!(world.states[&oldest], State::Closed(1000, String::new()));
    assert_eq!(world.states[&newest], State::Open);
    assert_eq!(world.frames(oldest), Vec::<Value>::new());
    assert_eq!(world.get("/_sim/sessions")[0]["connections"], 1);
    say(&mut world, newest, "still here");
    assert_eq!(world.frame(newest)["text"], "still here");
}

#[test]
fn a_socket_goes_with_the_access_token_it_came_with() {
    let mut world = World::with(json!({ "accessTokenSeconds": 10 }));
    let (id, token) = session(&mut world);
    let old = join(&mut world, &id, &token);
    world.pass(5_000);
    let renewed = token_for(&mut world, "demo");
    let new = join(&mut world, &id, &renewed);
    world.pass(4_999);
    assert_eq!(world.states[&old], State::Open);
    world.pass(1);
    assert_eq!(world.states[&old], State::Closed(1008, "token expired".into()));
    assert_eq!(world.states[&new], State::Open);
    assert_eq!(read(&mut world, &id, &token, "").status, 401);
    assert_eq!(read(&mut world, &id, &renewed, "").status, 200);
    world.post("/_sim/expire", json!({ "what": "token", "token": renewed }));
    assert_eq!(world.states[&new], State::Closed(1008, "token expired".into()));
}

#[test]
fn expiring_a_session_s_tokens_takes_all_that_were_used_for_it() {
    let mut world = World::new();
    let (id, token) = session(&mut world);
    let second = token_for(&mut world, "demo");
    let sockets = [join(&mut world, &id, &token), join(&mut world, &id, &second)];
    let (other, untouched) = session(&mut world);
    let stays = join(&mut world, &other, &untouched);
    world.post("/_sim/expire", json!({ "what": "token", "token": id }));
    for socket in sockets {
        assert_eq!(world.states[&socket], State::Closed(1008, "token expired".into()));
    }
    assert_eq!(world.states[&stays], State::Open);
    let fresh = token_for(&mut world, "demo");
    let socket = join(&mut world, &id, &fresh);
    assert_eq!(world.states[&socket], State::Open, "the session itself goes on");
}

#[test]
fn an_ended_session_closes_its_sockets_and_is_found_no_more() {
    for by_time in [false, true] {
        let mut world = World::with(json!({ "sessionDurationSeconds": 900 }));
        let (id, token) = session(&mut world);
        let socket = join(&mut world, &id, &token);
        say(&mut world, socket, "hi");
        if by_time {
            world.pass(600_000);
            join(&mut world, &id, &token);
            world.pass(899_999);
            assert_eq!(world.states[&socket], State::Open, "a new socket counts as activity");
            world.pass(1);
        } else {
            world.post("/_sim/expire", json!({ "what": "session", "token": id }));
        }
        assert_eq!(world.states[&socket], State::Closed(1000, "session ended".into()));
        let socket = join(&mut world, &id, &token);
        assert_eq!(world.states[&socket], State::Refused(404, vec![]));
        let listed = world.get("/_sim/sessions");
        assert_eq!((&listed[0]["ended"], &listed[0]["connections"]), (&json!(true), &json!(0)));
        assert_eq!(listed[0]["messages"].as_array().unwrap().len(), 1);
        let (status, _) = world.control("POST", "/_sim/agent", &json!({ "token": id, "do": "text", "text": "too late" }).to_string());
        assert_eq!(status, 404);
    }
}

#[test]
fn a_reset_closes_the_deployment_s_sockets_and_leaves_the_others() {
    let mut world = World::new();
    let (id, token) = session(&mut world);
    let socket = join(&mut world, &id, &token);
    let elsewhere = token_for(&mut world, "other");
    let other = body(&create(&mut world, &elsewhere, "other"))["id"].as_str().unwrap().to_owned();
    let stays = join(&mut world, &other, &elsewhere);
    world.post("/_sim/reset", json!({ "deploymentId": "demo" }));
    assert_eq!(world.states[&socket], State::Closed(1000, String::new()));
    assert_eq!(world.states[&stays], State::Open);
    assert_eq!(read(&mut world, &id, &token, "").status, 401);
    assert_eq!(read(&mut world, &id, &elsewhere, "").status, 404);
    assert_eq!(world.get("/_sim/sessions").as_array().unwrap().len(), 1);
    say(&mut world, stays, "unharmed");
    assert_eq!(world.frame(stays)["text"], "unharmed");
    world.post("/_sim/reset", json!({}));
    assert_eq!(world.states[&stays], State::Closed(1000, String::new()));
}
