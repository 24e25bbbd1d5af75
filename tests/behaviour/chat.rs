//! The thinnest path: a guest and an agent talk.

use crate::common::World;
use guestwire::guest::event::Status;

#[test]
fn a_visitor_and_an_agent_talk() {
    let mut world = World::ready(1);
    let id = world.send("hello");
    world.wait_sent(5_000);
    assert_eq!(world.stored(), ["hello"]);
    world.agent("hi there");
    world.run(1_000);
    assert_eq!(world.page.texts(), ["hello", "hi there"]);
    assert_eq!(world.status(&id), Status::Sent);
    assert_eq!(world.page.unread, 1);
    assert!(world.page.row(&id).unwrap().server_id.is_some());
}
