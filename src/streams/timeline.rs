//! Who took part in an interaction, and when: entries in the order of their time, whatever order they came in.

use crate::core::json::{Object, Value};
use crate::core::time;

/// So many entries of one interaction are kept; over it the oldest go.
const ENTRIES: usize = 5_000;
/// So many interactions are kept; over it the one that was quiet longest goes.
const INTERACTIONS: usize = 2_000;

/// A join or a leave.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// As the service wrote it.
    pub timestamp: String,
    /// Milliseconds since the epoch; of one that cannot be read, that of the entry it came after.
    time: i64,
    /// Whether the timestamp could be read.
    parsed: bool,
    joined: bool,
    participant: String,
    channel: Option<String>,
    reason: Option<String>,
}

/// The timeline of one interaction.
#[derive(Default)]
pub struct Timeline {
    entries: Vec<Entry>,
    /// The time of the entry that came last, for one that has none.
    arrived: i64,
    touched: u64,
}

impl Timeline {
    /// Puts an event in; `None` if it is neither a join nor a leave, else whether its timestamp could be read.
    fn note(&mut self, event: Value<'_>) -> Option<bool> {
        let joined = is_join(event)?;
        let timestamp = event.text("timestamp").unwrap_or_default();
        let read = time::parse(timestamp);
        let time = read.unwrap_or(self.arrived);
        self.arrived = time;
        let entry = Entry {
            timestamp: timestamp.to_string(),
            time,
            parsed: read.is_some(),
            joined,
            participant: event.string("participant").unwrap_or_default(),
            channel: event.string("channel"),
            reason: event.string("reason"),
        };
        // Behind those of the same time: a tie keeps the order of arrival.
        let at = self.entries.partition_point(|other| other.time <= time);
        self.entries.insert(at, entry);
        if self.entries.len() > ENTRIES {
            self.entries.remove(0);
        }
        Some(read.is_some())
    }

    /// `{interaction, entries, participants}`, each participant with the intervals in which it took part.
    fn json(&self, interaction: &str) -> String {
        let mut participants: Vec<Participant<'_>> = Vec::new();
        let mut entries = String::from("[");
        for entry in &self.entries {
            let mut object = Object::new();
            object.text("timestamp", &entry.timestamp).text("type", if entry.joined { JOINED } else { LEFT });
            object.text("participant", &entry.participant).maybe("channel", entry.channel.as_deref()).maybe("reason", entry.reason.as_deref());
            push_element(&mut entries, &object.truth("parsed", entry.parsed).end());
            let at = participants.iter().position(|known| known.name == entry.participant).unwrap_or(participants.len());
            if at == participants.len() {
                participants.push(Participant { name: &entry.participant, on: Vec::new(), joined: None, intervals: String::from("[") });
            }
            participants[at].follow(entry);
        }
        entries.push(']');
        let mut list = String::from("[");
        for mut participant in participants {
            let is_present = !participant.on.is_empty();
            if is_present {
                participant.end_interval(None, None);
            }
            participant.intervals.push(']');
            let mut object = Object::new();
            object.text("participant", participant.name).truth("present", is_present).raw("intervals", &participant.intervals);
            push_element(&mut list, &object.end());
        }
        list.push(']');
        Object::new().text("interaction", interaction).raw("entries", &entries).raw("participants", &list).end()
    }
}

const JOINED: &str = "ParticipantJoined";
const LEFT: &str = "ParticipantLeft";

/// Whether an event is a join (`true`) or a leave; `None` for any other.
pub fn is_join(event: Value<'_>) -> Option<bool> {
    match event.text("type")? {
        JOINED => Some(true),
        LEFT => Some(false),
        _ => None,
    }
}

/// One who takes part. Who is on two channels and leaves one of them is still there.
struct Participant<'a> {
    name: &'a str,
    /// The channels it is on now.
    on: Vec<Option<&'a str>>,
    /// Since when; the join may not have been seen.
    joined: Option<&'a str>,
    /// From a join to a leave each: JSON.
    intervals: String,
}

impl<'a> Participant<'a> {
    fn follow(&mut self, entry: &'a Entry) {
        let channel = entry.channel.as_deref();
        if entry.joined {
            if self.on.is_empty() {
                self.joined = Some(&entry.timestamp);
            }
            // Who is there and joins again was there all along.
            if !self.on.contains(&channel) {
                self.on.push(channel);
            }
            return;
        }
        // Where one of the two does not say the channel, they are taken for the same.
        self.on.retain(|on| on.is_some() && channel.is_some() && *on != channel);
        if self.on.is_empty() {
            self.end_interval(Some(&entry.timestamp), entry.reason.as_deref());
        }
    }

    fn end_interval(&mut self, left: Option<&str>, reason: Option<&str>) {
        let mut object = Object::new();
        object.maybe("joined", self.joined.take()).maybe("left", left).maybe("reason", reason);
        push_element(&mut self.intervals, &object.end());
    }
}

/// Appends to a JSON array that is being written.
pub fn push_element(array: &mut String, element: &str) {
    if array.len() > 1 {
        array.push(',');
    }
    array.push_str(element);
}

/// The timelines of all interactions that were seen lately.
#[derive(Default)]
pub struct Timelines {
    /// By id.
    known: Vec<(String, Timeline)>,
    touches: u64,
}

impl Timelines {
    fn find(&self, interaction: &str) -> Result<usize, usize> {
        self.known.binary_search_by(|(id, _)| id.as_str().cmp(interaction))
    }

    /// Puts an event in; `None` if it has no place in a timeline, else whether its timestamp could be read.
    pub fn note(&mut self, event: Value<'_>) -> Option<bool> {
        is_join(event)?;
        let interaction = event.text("interaction")?;
        self.touches += 1;
        let at = match self.find(interaction) {
            Ok(at) => at,
            Err(at) => {
                self.known.insert(at, (interaction.to_string(), Timeline::default()));
                at
            }
        };
        let (_, timeline) = self.known.get_mut(at)?;
        timeline.touched = self.touches;
        let read = timeline.note(event);
        if self.known.len() > INTERACTIONS {
            let quietest = self.known.iter().enumerate().min_by_key(|(_, (_, timeline))| timeline.touched).map(|(at, _)| at);
            if let Some(at) = quietest {
                self.known.remove(at);
            }
        }
        read
    }

    /// One interaction as JSON; empty for one that nothing is known of.
    pub fn json(&self, interaction: &str) -> String {
        match self.find(interaction) {
            Ok(at) => self.known[at].1.json(interaction),
            Err(_) => Timeline::default().json(interaction),
        }
    }

    /// The ids of all, as a JSON array.
    pub fn ids(&self) -> String {
        let mut array = String::from("[");
        for (id, _) in &self.known {
            let mut quoted = String::new();
            crate::core::json::push_string(&mut quoted, id);
            push_element(&mut array, &quoted);
        }
        array.push(']');
        array
    }

    /// How many interactions are known.
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use super::*;
    use crate::core::json::Document;
    use serde_json::json;

    fn timelines(events: &[(&str, &str, &str, Option<&str>)]) -> Timelines {
        let mut timelines = Timelines::default();
        for (timestamp, kind, participant, reason) in events {
            let event =
                json!({"timestamp": timestamp, "type": kind, "participant": participant, "interaction": "i", "channel": "voice", "reason": reason});
            let text = event.to_string();
            timelines.note(Document::parse(&text).unwrap().root());
        }
        timelines
    }

    fn read(timelines: &Timelines) -> serde_json::Value {
        serde_json::from_str(&timelines.json("i")).unwrap()
    }

    #[test]
    fn intervals_follow_from_entries_that_came_out_of_order() {
        let timelines = timelines(&[
            ("2026-01-01T10:00:30.000Z", LEFT, "ann", Some("transfer")),
            ("2026-01-01T10:00:00.000Z", JOINED, "ann", None),
            ("2026-01-01T10:01:00.000Z", JOINED, "ann", None),
            ("2026-01-01T10:00:10.000Z", LEFT, "bob", None),
        ]);
        let expected = json!([
            {"participant": "ann", "present": true, "intervals": [
                {"joined": "2026-01-01T10:00:00.000Z", "left": "2026-01-01T10:00:30.000Z", "reason": "transfer"},
                {"joined": "2026-01-01T10:01:00.000Z"},
            ]},
            {"participant": "bob", "present": false, "intervals": [{"left": "2026-01-01T10:00:10.000Z"}]},
        ]);
        assert_eq!(read(&timelines)["participants"], expected);
    }

    #[test]
    fn a_timestamp_that_cannot_be_read_stands_where_it_came() {
        let timelines = timelines(&[
            ("2026-01-01T10:00:00.000Z", JOINED, "ann", None),
            ("soon", LEFT, "ann", None),
            ("2026-01-01T10:00:20.000Z", JOINED, "bob", None),
            ("2026-01-01T10:00:10.000Z", JOINED, "cid", None),
        ]);
        let entries = read(&timelines)["entries"].clone();
        let order: Vec<_> =
            entries.as_array().unwrap().iter().map(|entry| (entry["participant"].as_str().unwrap(), entry["parsed"].as_bool().unwrap())).collect();
        assert_eq!(order, [("ann", true), ("ann", false), ("cid", true), ("bob", true)]);
    }

    #[test]
    fn nothing_known_is_an_empty_timeline() {
        assert_eq!(read(&Timelines::default()), json!({"interaction": "i", "entries": [], "participants": []}));
    }

    #[test]
    fn the_quietest_interaction_goes_first() {
        let mut timelines = Timelines::default();
        for number in 0..=INTERACTIONS {
            let text = json!({"timestamp": "", "type": JOINED, "participant": "p", "interaction": number.to_string()}).to_string();
            timelines.note(Document::parse(&text).unwrap().root());
        }
        assert_eq!(timelines.len(), INTERACTIONS);
        assert!(timelines.find("0").is_err() && timelines.find("1").is_ok());
    }
}
