//! MovieLens-100K through the readers and the codec: every row an event, and the same events as JSON lines.

use reiver::adapter::file::{Columns, Format, Rows, RowsConfig, write_json_lines};
use reiver::codec::{decode, event_time};
use reiver::event::{Action, Content, Event};
use std::io::Cursor;
use std::path::{Path, PathBuf};

/// The folder of shared data sets, if this machine has it.
fn shared() -> Option<PathBuf> {
    let named = std::env::var_os("REIVER_SHARED").map(PathBuf::from);
    let folder = named.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"));
    folder.join("data").is_dir().then_some(folder)
}

fn config(format: Format) -> RowsConfig {
    RowsConfig { topic: "file".into(), format, columns: Columns::default(), time_of: event_time, items: None }
}

fn events(rows: Rows) -> Vec<Event> {
    rows.map(|record| {
        let decoded = decode(&record.expect("a good row"), Content::Events).expect("a valid event");
        assert_eq!(decoded.unknown_fields, 0);
        decoded.event
    })
    .collect()
}

#[test]
fn movielens_is_the_same_events_directly_and_as_json_lines() {
    let Some(shared) = shared() else {
        eprintln!("SKIPPED: MovieLens-100K is not here (set REIVER_SHARED to the folder that has data/ml-100k)");
        return;
    };
    let path = shared.join("data/ml-100k/u.data");
    let direct = events(Rows::open(&path, &config(Format::MovieLens)).expect("opens"));
    assert_eq!(direct.len(), 100_000);
    assert!(direct.is_sorted_by_key(Event::time));
    let fives = direct.iter().filter(|event| matches!(event, Event::Interaction(it) if it.value == Some(5.0)));
    assert_eq!(fives.count(), 21_201, "the ratings of 5 that u.data has");
    let Event::Interaction(first) = &direct[0] else { panic!("an interaction") };
    assert_eq!((first.event_id.as_str(), &first.action), ("1", &Action::Rating));

    let mut lines = Vec::new();
    let mut rows = Rows::open(&path, &config(Format::MovieLens)).expect("opens");
    assert_eq!(write_json_lines(&mut rows, &mut lines).expect("written"), 100_000);
    let again = events(Rows::from_reader(Cursor::new(lines), &config(Format::JsonLines)).expect("opens"));
    assert!(again == direct, "the very same events");
}
