//! The JWT and the pages of history (§2.8, §5.7).

use super::*;

fn read(world: &mut World, bearer: &str, query: &str) -> HttpResponse {
    let target = format!("/api/v2/webmessaging/messages{query}");
    world.http("GET", &target, &[("authorization", bearer)], b"")
}

fn entity_texts(page: &Value) -> Vec<&str> {
    page["entities"].as_array().expect("entities").iter().filter_map(|entity| entity["text"].as_str()).collect()
}

/// A guest who has said `1`, `2`, … a second apart.
fn talker(world: &mut World, count: u32) -> ConnectionId {
    world.post("/_sim/set", json!({ "limits": false }));
    let id = world.guest("t");
    for number in 1..=count {
        world.send(id, text("t", &number.to_string(), &format!("m{number}")));
        world.pass(1_000);
    }
    world.frames(id);
    id
}

#[test]
fn a_jwt_is_good_for_a_minute() {
    let mut world = World::new();
    let id = world.guest("t");
    let answer = world.ask(id, json!({ "token": "t", "tracingId": "j", "action": "getJwt" }));
    assert_eq!((&answer["type"], &answer["class"], &answer["tracingId"]), (&json!("response"), &json!("JwtResponse"), &json!("j")));
    assert_eq!(answer["body"]["exp"], START / 1000 + 60);
    let jwt = answer["body"]["jwt"].as_str().unwrap().to_owned();
    assert_eq!(read(&mut world, &format!("bearer {jwt}"), "").status, 200);
    world.pass(59_999);
    assert_eq!(read(&mut world, &format!("Bearer {jwt}"), "").status, 200);
    world.pass(1);
    assert_eq!(read(&mut world, &format!("bearer {jwt}"), "").status, 401);
}

#[test]
fn without_a_good_jwt_there_is_an_error_body() {
    let mut world = World::new();
    for bearer in ["bearer nonsense", "Basic x", ""] {
        let response = read(&mut world, bearer, "");
        assert_eq!(response.status, 401);
        let body: Value = serde_json::from_slice(&response.body).unwrap();
        assert_eq!(body["status"], 401);
        assert!(body["message"].is_string() && body["code"].is_string());
    }
}

#[test]
fn a_jwt_can_be_made_to_expire() {
    let mut world = World::new();
    let id = world.guest("t");
    let jwt = format!("bearer {}", world.jwt(id, "t"));
    world.post("/_sim/expire", json!({ "what": "jwt", "token": "other" }));
    assert_eq!(read(&mut world, &jwt, "").status, 200);
    world.post("/_sim/expire", json!({ "what": "jwt", "token": "t" }));
    assert_eq!(read(&mut world, &jwt, "").status, 401);
}

#[test]
fn a_page_is_newest_first_and_counts_everything() {
    let mut world = World::new();
    let id = talker(&mut world, 30);
    let page = world.history(id, "t", "");
    assert_eq!(entity_texts(&page)[..3], ["30", "29", "28"]);
    assert_eq!(page["entities"].as_array().unwrap().len(), 25);
    assert_eq!((&page["pageSize"], &page["pageNumber"]), (&json!(25), &json!(1)));
    assert_eq!((&page["total"], &page["pageCount"]), (&json!(30), &json!(2)));
    let page = world.history(id, "t", "?pageNumber=2&pageSize=25");
    assert_eq!(entity_texts(&page), ["5", "4", "3", "2", "1"]);
    let page = world.history(id, "t", "?pageNumber=3&pageSize=25");
    assert_eq!(page["entities"], json!([]));
    let page = world.history(id, "t", "?pageSize=100");
    assert_eq!(entity_texts(&page).len(), 30);
    let page = world.history(id, "t", "?pageSize=7&pageNumber=2");
    assert_eq!(entity_texts(&page), ["23", "22", "21", "20", "19", "18", "17"]);
    assert_eq!(page["pageCount"], 5);
}

#[test]
fn page_numbers_begin_at_one() {
    let mut world = World::new();
    let id = world.guest("t");
    let jwt = format!("bearer {}", world.jwt(id, "t"));
    for query in ["?pageNumber=0", "?pageNumber=x", "?pageSize=0", "?pageSize=-1"] {
        assert_eq!(read(&mut world, &jwt, query).status, 400, "{query}");
    }
    assert_eq!(read(&mut world, &jwt, "?pageNumber=18446744073709551615&pageSize=100").status, 200);
}

#[test]
fn an_entity_is_the_body_of_the_echo() {
    let mut world = World::new();
    let id = world.guest("t");
    let mut request = text("t", "hi", "m1");
    request["message"]["metadata"] = json!({ "id": "m1" });
    let frame = world.ask(id, request);
    let page = world.history(id, "t", "");
    assert_eq!(page["entities"], json!([frame["body"]]));
    assert!(page["entities"][0].get("tracingId").is_none());
}

#[test]
fn presence_is_part_of_it_and_typing_is_not() {
    let mut world = World::new();
    let id = world.guest("t");
    world.send(id, presence("t", "Join", "j"));
    world.send(id, typing("t"));
    world.post("/_sim/agent", json!({ "do": "typing" }));
    world.post("/_sim/agent", json!({ "do": "text", "text": "Hello" }));
    world.frames(id);
    let page = world.history(id, "t", "");
    assert_eq!(page["total"], 2);
    assert_eq!(page["entities"][0]["text"], "Hello");
    assert_eq!(page["entities"][0]["direction"], "Outbound");
    assert_eq!(page["entities"][0]["originatingEntity"], "Human");
    assert_eq!(page["entities"][1]["events"][0]["presence"]["type"], "Join");
}

#[test]
fn a_guest_reads_only_their_own() {
    let mut world = World::new();
    let id = world.guest("t");
    let other = world.guest("u");
    world.ask(id, text("t", "mine", "m"));
    assert_eq!(world.history(other, "u", "")["total"], 0);
}

#[test]
fn a_jwt_of_a_cleared_conversation_finds_nothing() {
    let mut world = World::new();
    let id = world.guest("t");
    let jwt = format!("bearer {}", world.jwt(id, "t"));
    world.send(id, presence("t", "Clear", "c"));
    assert_eq!(read(&mut world, &jwt, "").status, 404);
}

#[test]
fn an_anonymous_conversation_is_readable_for_fifteen_days() {
    let mut world = World::with(json!({ "sessionDurationSeconds": 10_000_000 }));
    let id = world.guest("t");
    world.ask(id, text("t", "old", "m"));
    world.pass(15 * 86_400_000 - 1);
    assert_eq!(world.history(id, "t", "")["total"], 1);
    world.pass(1);
    assert_eq!(world.history(id, "t", "")["total"], 0);
}

#[test]
fn messages_of_one_millisecond_stay_apart() {
    let mut world = World::with(json!({ "sameMillisecond": true }));
    let id = world.guest("t");
    for word in ["a", "b"] {
        world.ask(id, text("t", word, word));
        world.pass(500);
    }
    let page = world.history(id, "t", "");
    assert_eq!(entity_texts(&page), ["b", "a"]);
    assert_eq!(page["entities"][0]["channel"]["time"], page["entities"][1]["channel"]["time"]);
    assert_ne!(page["entities"][0]["id"], page["entities"][1]["id"]);
}

#[test]
fn a_page_can_hold_what_strict_readers_stumble_over() {
    let mut world = World::with(json!({ "oddHistory": true }));
    let id = world.guest("t");
    world.ask(id, text("t", "hi", "m"));
    let page = world.history(id, "t", "");
    let kinds: Vec<&Value> = page["entities"].as_array().unwrap().iter().map(|entity| &entity["type"]).collect();
    assert_eq!(kinds, ["Text", "Receipt", "Structured"]);
    assert_eq!(page["total"], 1);
}
