//! Every find of the fuzzers (`fuzz/`) is a file in `tests/regressions/<target>/`, replayed here for ever.

#[path = "../../fuzz/targets/mod.rs"]
pub mod targets;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

#[track_caller]
fn replay(target: &str, run: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/regressions").join(target);
    let mut files: Vec<_> = fs::read_dir(folder).expect("the folder of finds").map(|file| file.expect("a file").path()).collect();
    files.sort();
    assert!(!files.is_empty(), "nothing to replay");
    let broken: Vec<_> = files
        .iter()
        .filter(|path| {
            let data = fs::read(path).expect("a file that can be read");
            catch_unwind(AssertUnwindSafe(|| run(&data))).is_err()
        })
        .map(|path| path.file_name().unwrap_or_default().to_string_lossy())
        .collect();
    assert!(broken.is_empty(), "still broken: {broken:?}");
}

#[test]
fn frames() {
    replay("frame", targets::frame);
}

#[test]
fn history_pages() {
    replay("history_page", targets::history_page);
}

#[test]
fn stored_states() {
    replay("stored_state", targets::stored_state);
}

#[test]
fn programs() {
    replay("program", targets::program);
}

#[test]
fn tab_messages() {
    replay("tab_message", targets::tab_message);
}
