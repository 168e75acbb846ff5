//! The committed schemas are those of the code, and their examples do what their names say: good ones decode and
//! validate, bad ones are rejected with the code their file name begins with.
//!
//! `REIVER_BLESS=1 cargo test --test schemas` rewrites the schemas.

use bytes::Bytes;
use reiver::codec::{decode, encode, schema};
use reiver::event::{Code, Content, Kind, Partition, Record, Time};
use std::fs;
use std::path::{Path, PathBuf};

fn folder(kind: Kind) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas").join(kind.as_str())
}

/// The examples of a group, by name.
fn examples(kind: Kind, group: &str) -> Vec<(String, Vec<u8>)> {
    let folder = folder(kind).join("examples").join(group);
    let mut found: Vec<(String, Vec<u8>)> = fs::read_dir(&folder)
        .expect("every type has examples")
        .map(|entry| entry.expect("readable").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| {
            let name = path.file_stem().expect("named").to_string_lossy().into_owned();
            (name, fs::read(&path).expect("readable"))
        })
        .collect();
    found.sort();
    assert!(!found.is_empty(), "{} is empty", folder.display());
    found
}

fn record(payload: Vec<u8>) -> Record {
    Record {
        partition: Partition { topic: "shop.events".into(), number: 0 },
        offset: 0,
        timestamp: Time::parse("2026-11-24T08:00:00Z").expect("a time"),
        key: None,
        payload: Some(Bytes::from(payload)),
        headers: Vec::new(),
    }
}

#[test]
fn committed_schemas_are_those_of_the_code() {
    for kind in Kind::ALL {
        let path = folder(kind).join("v1.json");
        let generated = serde_json::to_string_pretty(&schema(kind)).expect("JSON") + "\n";
        if std::env::var_os("REIVER_BLESS").is_some() {
            fs::write(&path, &generated).expect("writable");
        }
        let committed = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            committed == generated,
            "{} differs from the code: run REIVER_BLESS=1 cargo test --test schemas, and look at the difference: \
             within version 1, fields may only be added, and only optional ones",
            path.display()
        );
    }
}

#[test]
fn good_examples_decode_validate_and_come_back() {
    for kind in Kind::ALL {
        let validator = jsonschema::validator_for(&schema(kind)).expect("the schema is a schema");
        for (name, bytes) in examples(kind, "good") {
            let value = serde_json::from_slice(&bytes).expect("JSON");
            if let Err(error) = validator.validate(&value) {
                panic!("{} {name} does not validate: {error} at {}", kind.as_str(), error.instance_path());
            }
            let decoded = decode(&record(bytes), Content::Events)
                .unwrap_or_else(|rejection| panic!("{} {name} is rejected: {rejection}", kind.as_str()));
            assert_eq!(decoded.event.kind(), kind);
            let written = encode(&decoded.event);
            let value = serde_json::from_slice(&written).expect("JSON");
            assert!(validator.is_valid(&value), "{name} as we write it: {value}");
            let again = decode(&record(written), Content::Events).expect("what we write we read");
            assert_eq!(again.event, decoded.event, "{name}");
        }
    }
}

#[test]
fn bad_examples_are_rejected_with_their_code() {
    for kind in Kind::ALL {
        let validator = jsonschema::validator_for(&schema(kind)).expect("the schema is a schema");
        for (name, bytes) in examples(kind, "bad") {
            let code = name.split('-').next().expect("a split gives one part at least");
            let code =
                Code::ALL.into_iter().find(|known| known.as_str() == code).expect("file names begin with a code");
            // The schema alone must refuse it too, where a schema can: it knows no record, no dates, no aliases.
            let beyond = code == Code::TimeOutOfRange || name.ends_with("-field-twice") || name == "wrong_type-time";
            if let Ok(value) = serde_json::from_slice(&bytes)
                && !beyond
            {
                assert!(!validator.is_valid(&value), "{} {name} validates", kind.as_str());
            }
            let rejection = decode(&record(bytes), Content::Events)
                .err()
                .unwrap_or_else(|| panic!("{} {name} is accepted", kind.as_str()));
            assert_eq!(rejection.code, code, "{} {name}: {rejection}", kind.as_str());
        }
    }
}
