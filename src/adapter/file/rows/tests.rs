//! Rows of every format, good and bad.

use super::*;
use std::io::Cursor;

fn time_of(payload: &[u8]) -> Option<Time> {
    let value: serde_json::Value = serde_json::from_slice(payload).ok()?;
    Time::parse(value["event_time"].as_str()?).ok()
}

fn config(format: Format, columns: &str) -> RowsConfig {
    RowsConfig {
        topic: "file".into(),
        format,
        columns: Columns::parse(columns).expect("columns"),
        time_of,
        items: None,
    }
}

fn rows(text: &str, format: Format, columns: &str) -> Result<Rows, FileError> {
    Rows::from_reader(Cursor::new(text.as_bytes().to_vec()), &config(format, columns))
}

fn payloads(rows: &mut Rows) -> Vec<String> {
    rows.map(|it| String::from_utf8(it.expect("good").payload.expect("never a tombstone").to_vec()).expect("text"))
        .collect()
}

#[test]
fn movielens_rows_are_sorted_by_time_user_and_item_as_numbers() {
    for text in [
        "196\t242\t3\t881250949\n9\t10\t5\t881250949\n9\t9\t4\t881250949\n1\t1\t2\t881250000\n",
        "196::242::3::881250949\r\n9::10::5::881250949\r\n9::9::4::881250949\r\n\r\n1::1::2::881250000",
    ] {
        let mut sorted = rows(text, Format::MovieLens, "").expect("opens");
        let first = sorted.next().expect("four").expect("good");
        assert_eq!((first.offset, first.timestamp), (0, Time(881_250_000_000)));
        assert_eq!(
            first.payload.as_deref(),
            Some(
                br#"{"type":"interaction","event_id":"1","event_time":"1997-12-04T15:40:00.000Z","user_id":"1","item_id":"1","action":"rating","value":2.0}"#
                    .as_slice()
            )
        );
        let rest = payloads(&mut sorted);
        let order: Vec<bool> = rest
            .iter()
            .zip([("9", "9"), ("9", "10"), ("196", "242")])
            .map(|(row, (user, item))| row.contains(&format!(r#""user_id":"{user}","item_id":"{item}""#)))
            .collect();
        assert_eq!(order, [true; 3], "{rest:?}");
        assert_eq!((sorted.bad().count, sorted.progress()), (0, 1.0));
    }
}

#[test]
fn bad_rows_are_named_counted_and_left_out() {
    let long = "7".repeat(2_000);
    let text = format!("1\t1\t5\t881250949\n1\t1\t5\nx\t1\t5\t1\n1\t1\tNaN\t1\n{long}\n1\t2\t4\t881250950\n");
    let mut some = rows(&text, Format::MovieLens, "").expect("opens");
    assert_eq!(payloads(&mut some).len(), 2);
    let found: Vec<String> = some.bad().first.iter().map(ToString::to_string).collect();
    assert_eq!(
        found,
        [
            "line 2: 3 fields, expected 4",
            "line 3: user is no number: \"x\"",
            "line 4: rating is no number: \"NaN\"",
            "line 5: longer than 1024 bytes",
        ]
    );
    assert_eq!(some.bad().by_code.get("wrong_type"), Some(&2));
    let Err(error) = rows(&"x\n".repeat(1_001), Format::MovieLens, "") else { panic!("refused") };
    assert!(matches!(error, FileError::TooManyBadRows { .. }), "{error}");
    rows(&"x\n".repeat(1_000), Format::MovieLens, "").expect("a thousand bad rows are borne");
}

#[test]
fn csv_goes_by_its_header() {
    let text = "rating,\"movie_id\",user_id,timestamp\n5,\"a,b\",u1,978300019\n4,c,u2,978300019500\n3,d,u3,2001-01-01T00:00:00Z\n";
    let mut named = rows(text, Format::Csv, "user=user_id, item=movie_id,time=timestamp,rating=rating").expect("opens");
    let got = payloads(&mut named);
    assert!(
        got[0].contains(
            r#""event_time":"2000-12-31T22:00:19.000Z","user_id":"u1","item_id":"a,b","action":"rating","value":5.0"#
        ),
        "{got:?}"
    );
    assert!(got[1].contains(r#""event_time":"2000-12-31T22:00:19.500Z""#), "{got:?}");
    assert!(got[2].contains(r#""event_id":"3","event_time":"2001-01-01T00:00:00.000Z""#), "{got:?}");

    let text = "period,session_id,item_id\n0,s1,i1\n0,s2,\n0,s2\n0,s2,i2\n";
    let mut sessions = rows(text, Format::Csv, "").expect("opens");
    let got = payloads(&mut sessions);
    assert_eq!(
        got,
        [
            r#"{"type":"interaction","event_id":"1","event_time":"2000-01-01T00:00:00.000Z","user_id":"s1","item_id":"i1","action":"click","session_id":"s1"}"#,
            r#"{"type":"interaction","event_id":"4","event_time":"2000-01-01T00:00:03.000Z","user_id":"s2","item_id":"i2","action":"click","session_id":"s2"}"#,
        ]
    );
    let found: Vec<String> = sessions.bad().first.iter().map(ToString::to_string).collect();
    assert_eq!(found, ["line 3: item_id is empty", "line 4: 2 fields, expected 3"]);
}

#[test]
fn csv_mistakes_are_explained() {
    let Err(error) = rows("a,b\n1,2\n", Format::Csv, "user=a,item=c") else { panic!("refused") };
    assert_eq!(error.to_string(), "there is no column \"c\"; the header has a, b");
    let Err(error) = rows("", Format::Csv, "") else { panic!("refused") };
    assert_eq!(error.to_string(), "the file has no header line: it is empty");
    assert_eq!(Columns::parse("user"), Err(ColumnsError::NoPair("user".into())));
    assert_eq!(Columns::parse("usr=a"), Err(ColumnsError::Unknown("usr".into())));
    assert_eq!(Columns::parse("user=a,user=b"), Err(ColumnsError::Twice("user".into())));
    let open = "user_id,item_id\n\"u1,i1\nu2,i2\n";
    let mut stray = rows(open, Format::Csv, "").expect("opens");
    assert_eq!(payloads(&mut stray).len(), 1, "a stray quote costs one row");
}

#[test]
fn json_lines_are_records_as_they_stand() {
    let huge = "x".repeat(3 << 20);
    let text = format!("{{\"event_time\":\"2020-01-01T00:00:00Z\"}}\r\nbroken\n\n{huge}\n{{}}");
    let all: Vec<Record> =
        rows(&text, Format::JsonLines, "").expect("opens").map(|it| it.expect("no bad rows here")).collect();
    let lengths: Vec<usize> = all.iter().map(|it| it.payload.as_ref().expect("some").len()).collect();
    assert_eq!(lengths, [37, 6, 0, (1 << 20) + 1, 2], "too long a line is cut, and still too long");
    assert_eq!(all.iter().map(|it| it.offset).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
    assert!(all.iter().all(|it| it.timestamp == Time(1_577_836_800_000)), "the newest time stands in");
}

#[test]
fn what_is_written_as_json_lines_reads_as_the_same_records_gzipped_too() {
    let text = "2\t1\t5\t881250950\n1\t1\t5\t881250949\n";
    let mut plain = Vec::new();
    let count = write_json_lines(&mut rows(text, Format::MovieLens, "").expect("opens"), &mut plain).expect("written");
    assert_eq!(count, 2);
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ratings.jsonl.gz");
    let mut gzip =
        flate2::write::GzEncoder::new(std::fs::File::create(&path).expect("a file"), flate2::Compression::fast());
    std::io::Write::write_all(&mut gzip, &plain).expect("written");
    gzip.finish().expect("written");
    let same = |it: Result<Record, FileError>| {
        let it = it.expect("good");
        (it.offset, it.timestamp, it.payload)
    };
    let direct: Vec<_> = rows(text, Format::MovieLens, "").expect("opens").map(same).collect();
    let again: Vec<_> = Rows::open(&path, &config(Format::JsonLines, "")).expect("opens").map(same).collect();
    assert_eq!(direct, again);

    let bytes = std::fs::read(&path).expect("a file");
    std::fs::write(&path, &bytes[..bytes.len() - 9]).expect("cut");
    let cut: Vec<_> = Rows::open(&path, &config(Format::JsonLines, "")).expect("opens").collect();
    assert!(matches!(cut.last(), Some(Err(FileError::Read { .. }))), "a damaged file is not a short file");
    let Err(error) = Rows::open(&folder.path().join("none"), &config(Format::JsonLines, "")) else { panic!("refused") };
    assert!(matches!(error, FileError::Open { .. }));
    let Err(error) = Rows::open(folder.path(), &config(Format::JsonLines, "")) else { panic!("refused") };
    assert!(matches!(error, FileError::Open { .. }));
}

/// A file in a folder of its own.
fn written(name: &str, bytes: &[u8]) -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).expect("written");
    (folder, path)
}

#[test]
fn movies_come_before_the_ratings_and_are_latin_1() {
    let flags = "0|0|0|1|1|1|0|0|0|0|0|0|0|0|0|0|0|0|0";
    let item = format!("7|Caf\u{e9} (1995)|01-Jan-1995||http://x/|{flags}\nnonsense\n\n8|||||{flags}");
    let item: Vec<u8> = item.chars().map(|c| c as u8).collect();
    let dat: Vec<u8> =
        "7::Caf\u{e9} (1995)::Animation|Children's|Comedy\nnonsense\n8::::\n".chars().map(|c| c as u8).collect();
    for (name, bytes) in [("u.item", item), ("movies.dat", dat)] {
        let (folder, path) = written(name, &bytes);
        assert_eq!(movies_beside(&folder.path().join("u.data")), Some(path.clone()));
        let config = RowsConfig { items: Some(path), ..config(Format::MovieLens, "") };
        let ratings = "1\t7\t5\t881250949\n";
        let mut all = Rows::from_reader(Cursor::new(ratings.as_bytes()), &config).expect("opens");
        let records: Vec<Record> = all.by_ref().map(|record| record.expect("good")).collect();
        let text = |n: usize| String::from_utf8_lossy(records[n].payload.as_deref().unwrap_or_default()).into_owned();
        assert_eq!(
            text(0),
            r#"{"type":"item","event_id":"item 7","item_id":"7","title":"Café (1995)","categories":["Animation","Children's","Comedy"]}"#,
            "{name}"
        );
        assert!(text(1).contains(r#""item_id":"8""#) && text(2).contains(r#""event_id":"1""#), "{name}: {}", text(2));
        assert_eq!((records.len(), &*records[0].partition.topic, records[1].offset), (3, "items", 2));
        assert_eq!(all.bad().count, 1);
        let shown = all.bad().first[0].to_string();
        assert_eq!(shown, "line 2: (of the items) 1 fields, expected 24", "{name}");
    }
    assert_eq!(movies_beside(Path::new("nowhere/u.data")), None);
}

#[test]
fn held_out_items_are_not_among_the_others() {
    let text = "user_id,movie_id,negatives\n1,5,7 5 9 7\n2,,1\n3,4\n4,6,8";
    let (_folder, path) = written("held.csv", text.as_bytes());
    let columns = Columns::parse("user=user_id,item=movie_id").expect("columns");
    let (rows, bad) = read_held_out(&path, &columns).expect("readable");
    let row = |user: &str, item: &str, others: &[&str]| HeldOutRow {
        user: user.to_owned(),
        item: item.to_owned(),
        others: others.iter().map(|o| (*o).to_owned()).collect(),
    };
    assert_eq!(rows, [row("1", "5", &["7", "9"]), row("4", "6", &["8"])]);
    let lines: Vec<u64> = bad.first.iter().map(|b| b.line).collect();
    assert_eq!(lines, [3, 4]);
    let unnamed = read_held_out(&path, &Columns::default());
    assert!(matches!(unnamed, Err(FileError::NoColumn { name, .. }) if name == "item_id"));
}
