//! Every rejection at its place, and what is read in which forms; `properties` has round trips and damaged bytes.

mod properties;

use super::*;
use crate::event::{
    Action, Code, Content, DecisionKey, Event, Interaction, ItemTouch, Partition, Record, Rejection, Time,
};
use bytes::Bytes;

/// 2026-11-24T08:00:00Z.
const NOW: Time = Time(1_795_507_200_000);

fn record(payload: Option<&[u8]>) -> Record {
    Record {
        partition: Partition { topic: "shop.events".into(), number: 3 },
        offset: 41,
        timestamp: NOW,
        key: None,
        payload: payload.map(Bytes::copy_from_slice),
        headers: Vec::new(),
    }
}

fn read(text: &str) -> Result<Decoded, Rejection> {
    decode(&record(Some(text.as_bytes())), Content::Events)
}

/// A click with one field replaced or added.
fn click(change: &str) -> String {
    let mut fields = vec![
        (r#""event_id""#, r#""e1""#),
        (r#""event_time""#, r#""2026-11-24T07:00:00.123Z""#),
        (r#""user_id""#, r#""u42""#),
        (r#""item_id""#, r#""i7""#),
        (r#""action""#, r#""click""#),
    ];
    if let Some((name, value)) = change.split_once(':') {
        fields.retain(|field| field.0 != name);
        if !value.is_empty() {
            fields.push((name, value));
        }
    }
    let body: Vec<String> = fields.iter().map(|(name, value)| format!("{name}:{value}")).collect();
    format!(r#"{{"type":"interaction",{}}}"#, body.join(","))
}

#[track_caller]
fn refused(text: &str, code: Code, pointer: &str) {
    let rejection = read(text).expect_err(text);
    assert_eq!((rejection.code, rejection.pointer.as_str()), (code, pointer), "{text}: {rejection}");
    assert!(!rejection.detail.is_empty() && rejection.detail.len() < 300, "{rejection}");
}

fn interaction(text: &str) -> Interaction {
    match read(text).expect("valid").event {
        Event::Interaction(it) => it,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_click_is_read_whole() {
    let it = interaction(
        r#"{"type":"interaction","event_id":"e1","event_time":"2026-11-24T07:00:00.123Z","user_id":"u42","item_id":"i7",
            "action":"click","decision_id":"01970000-0000-7000-8000-000000000001","rank":3,"value":19.9}"#,
    );
    assert_eq!(it.time, Time(1_795_503_600_123));
    assert_eq!(it.items, [ItemTouch { item_id: "i7".into(), rank: Some(3) }]);
    assert_eq!(it.decision, Some(DecisionKey(0x0197_0000_0000_7000_8000_0000_0000_0001)));
    assert_eq!((it.user_id.as_str(), it.action, it.value), ("u42", Action::Click, Some(19.9)));
}

#[test]
fn order_case_and_other_names_do_not_matter() {
    let plain = interaction(&click(r#""decision_id":"d""#));
    for text in [
        r#"{"userId":"u42","itemId":"i7","action":"click","decisionId":"d","eventTime":1795503600123,"eventId":"e1","type":"interaction"}"#,
        r#"{"event_id":"e1","type":"interaction","anonymousId":"u42","items":[{"itemId":"i7"}],"action":"click",
            "recommendationId":"d","event_time":"2026-11-24T08:00:00.123+01:00","schemaVersion":1}"#,
        r#"{"typ\u0065":"interaction","event_id":"e1","event_time":1795503600123.9,"user_id":"u42","anonymous_id":"a",
            "item_id":"i7","items":[{"item_id":"i7"}],"action":"click","attribution_token":"d","rank":null,"schema_version":1.0}"#,
    ] {
        assert_eq!(interaction(text), plain, "{text}");
    }
}

#[test]
fn unknown_fields_are_counted_and_known_ones_are_not() {
    let text = click(
        r#""x":1,"y":{"deep":[[[]]]},"properties":{"a":1},"source":"web","context":[],"items":[{"item_id":"i9","z":0}]"#,
    );
    let decoded = read(&text).expect("valid");
    assert_eq!(decoded.unknown_fields, 3);
    let Event::Interaction(it) = decoded.event else { panic!() };
    assert_eq!(it.items.len(), 2, "the lone item and the listed one");
}

#[test]
fn each_rejection_has_its_code_and_place() {
    use Code::*;
    let long = format!(r#""user_id":"{}""#, "u".repeat(257));
    let many = format!(r#""items":[{}]"#, vec![r#"{"item_id":"i"}"#; 501].join(","));
    for (text, code, pointer) in [
        ("", EmptyPayload, ""),
        (" ", MalformedJson, ""),
        ("{", MalformedJson, ""),
        ("nonsense", MalformedJson, ""),
        (r#"{"type":"interaction","value":NaN}"#, MalformedJson, ""),
        (r#"{"type":"interaction","value":Infinity}"#, MalformedJson, ""),
        (r#"{"type":"interaction","user_id":5,"#, MalformedJson, ""),
        (&(click("") + "x"), MalformedJson, ""),
        (&click(r#""user_id":"\ud800""#), MalformedJson, "/user_id"),
        (&click(r#""userId":"u1","user_id":"u2""#), MalformedJson, "/userId"),
        (&click(r#""type":"item""#), MalformedJson, ""),
        ("[]", NotAnObject, ""),
        ("null", NotAnObject, ""),
        ("\"{}\"", NotAnObject, ""),
        ("{}", UnknownType, "/type"),
        (r#"{"type":null}"#, UnknownType, "/type"),
        (r#"{"type":"click"}"#, UnknownType, "/type"),
        (r#"{"type":7}"#, WrongType, "/type"),
        (&click(r#""schema_version":2"#), UnknownVersion, "/schema_version"),
        (r#"{"type":"interaction","user_id":5,"schemaVersion":99}"#, UnknownVersion, "/schema_version"),
        (&click(r#""schema_version":"1""#), WrongType, "/schema_version"),
        (&click(r#""event_id":"#), MissingField, "/event_id"),
        (&click(r#""event_time":null"#), MissingField, "/event_time"),
        (&click(r#""user_id":"#), MissingField, "/user_id"),
        (&click(r#""item_id":"#), MissingField, "/item_id"),
        (&click(r#""action":"#), MissingField, "/action"),
        (&click(r#""items":[{"item_id":"i"},{"rank":1}]"#), MissingField, "/items/1/item_id"),
        (&click(r#""user_id":42"#), WrongType, "/user_id"),
        (&click(r#""anonymousId":[[[[1]]]]"#), WrongType, "/anonymousId"),
        (&click(r#""value":"NaN""#), WrongType, "/value"),
        (&click(r#""items":{}"#), WrongType, "/items"),
        (&click(r#""items":["i7"]"#), WrongType, "/items/0"),
        (&click(r#""items":[{"item_id":"a"},{"item_id":"b","rank":"1"}]"#), WrongType, "/items/1/rank"),
        (&click(r#""rank":1.5"#), WrongType, "/rank"),
        (&click(r#""event_time":"yesterday""#), WrongType, "/event_time"),
        (&click(r#""event_time":true"#), WrongType, "/event_time"),
        (&click(r#""event_time":"2026-11-24T07:00:00""#), WrongType, "/event_time"),
        (&click(r#""user_id":"""#), EmptyField, "/user_id"),
        (&click(r#""session_id":"""#), EmptyField, "/session_id"),
        (&click(&long), TooLong, "/user_id"),
        (&click(&many), TooLong, "/items"),
    ] {
        refused(text, code, pointer);
    }
    let huge = click(&format!(r#""properties":"{}""#, "x".repeat(10 << 20)));
    refused(&huge, TooLarge, "");
    let broken = decode(&record(Some(b"{\"type\":\"interaction\",\"x\":\"\xff\"}")), Content::Events);
    assert_eq!(broken.expect_err("not UTF-8").code, MalformedJson);
}

#[test]
fn values_out_of_their_bounds_have_their_code_and_place() {
    use Code::*;
    for (text, code, pointer) in [
        (&click(r#""value":1e308"#), NumberOutOfRange, "/value"),
        (&click(r#""value":-1e999"#), NumberOutOfRange, "/value"),
        (&click(r#""value":1000000000000001"#), NumberOutOfRange, "/value"),
        (&click(r#""rank":0"#), NumberOutOfRange, "/rank"),
        (&click(r#""rank":-3"#), NumberOutOfRange, "/rank"),
        (&click(r#""rank":1e300"#), NumberOutOfRange, "/rank"),
        (&click(r#""event_time":1e999"#), NumberOutOfRange, "/event_time"),
        (&click(r#""event_time":"1900-01-01T00:00:00Z""#), TimeOutOfRange, "/event_time"),
        (&click(r#""event_time":"2200-01-01T00:00:00Z""#), TimeOutOfRange, "/event_time"),
        (&click(r#""event_time":1795503600"#), TimeOutOfRange, "/event_time"),
        (&click(r#""event_time":1795503600123000"#), TimeOutOfRange, "/event_time"),
        (&click(r#""event_time":"2026-11-24T09:00:00.001Z""#), TimeOutOfRange, "/event_time"),
        (&click(r#""action":"stare""#), UnknownValue, "/action"),
        (&click(r#""action":"custom:""#), UnknownValue, "/action"),
        (&click(r#""a/b~c":1,"anonymous_id":7"#), WrongType, "/anonymous_id"),
    ] {
        refused(text, code, pointer);
    }
}

#[test]
fn the_hour_after_the_record_is_plausible_and_a_wrong_clock_widens_nothing() {
    read(&click(r#""event_time":"2026-11-24T09:00:00.000Z""#)).expect("one hour after the record");
    let mut wrong = record(Some(click(r#""event_time":"2200-01-01T00:00:00Z""#).as_bytes()));
    wrong.timestamp = Time(7_258_118_400_000);
    assert_eq!(decode(&wrong, Content::Events).expect_err("2200").code, Code::TimeOutOfRange);
    let mut none = record(Some(click("").as_bytes()));
    none.timestamp = Time(-1);
    decode(&none, Content::Events).expect("a record without a timestamp does not bound its event");
}

#[test]
fn deep_nesting_is_skipped_without_recursion() {
    let deep = |open: &str, close: &str| format!("{}{}", open.repeat(100_000), close.repeat(100_000));
    assert_eq!(read(&click(&format!(r#""x":{}"#, deep("[", "]")))).expect("skipped").unknown_fields, 1);
    refused(&deep("[", "]"), Code::NotAnObject, "");
    refused(&click(&format!(r#""user_id":{}"#, deep("[", "]"))), Code::WrongType, "/user_id");
    refused(&"[".repeat(500_000), Code::MalformedJson, "");
    refused(&r#"{"a":"#.repeat(100_000), Code::MalformedJson, "");
}

#[test]
fn item_topics_take_items_without_a_type_and_delete_by_key() {
    let items = |payload: Option<&[u8]>, key: Option<&str>| {
        let mut it = record(payload);
        it.key = key.map(|key| Bytes::copy_from_slice(key.as_bytes()));
        decode(&it, Content::Items)
    };
    let Event::Item(shoe) = items(Some(br#"{"item_id":"i7","title":"Trail shoe"}"#), None).expect("valid").event else {
        panic!()
    };
    assert_eq!((shoe.event_id.as_str(), shoe.time), ("shop.events/3/41", NOW));
    assert!(shoe.facts.expect("not deleted").available);
    for gone in [None, Some(&b""[..])] {
        let Event::Item(it) = items(gone, Some("i7")).expect("valid").event else { panic!() };
        assert_eq!((it.item_id.as_str(), it.facts), ("i7", None));
    }
    assert_eq!(items(None, None).expect_err("no key").code, Code::MissingField);
    assert_eq!(items(None, Some("")).expect_err("empty key").code, Code::EmptyField);
    assert_eq!(items(Some(click("").as_bytes()), None).expect_err("no item").code, Code::UnknownType);
    let decisions = decode(&record(Some(click("").as_bytes())), Content::Decisions);
    assert_eq!(decisions.expect_err("no decision").code, Code::UnknownType);
    assert_eq!(decode(&record(None), Content::Events).expect_err("nothing").code, Code::EmptyPayload);
}

#[test]
fn a_body_without_an_id_is_recognised_when_it_comes_again() {
    let body = br#"{"type":"item","item_id":"i7"}"#;
    let (first, second) = (decode_body(body, NOW), decode_body(body, NOW));
    assert_eq!(first, second);
    assert_eq!(first.expect("valid").event.event_id().len(), 32);
}

#[test]
fn bodies_are_split() {
    let two = |body: &str| batch(body.as_bytes()).expect("valid").len();
    assert_eq!(two("{\"a\":1}"), 1);
    assert_eq!(two("{\n \"a\": 1\n}\n"), 1);
    assert_eq!(two("{\"a\":1}\r\n\r\n{\"b\":2}\n"), 2);
    assert_eq!(two(" [{\"a\":1},\n 2, {\"b\":[3]}] "), 3);
    assert_eq!(two("{\"a\":1}\nbroken\n{\"b\":2}"), 3);
    assert_eq!(batch(b" ").expect_err("empty").code, Code::EmptyPayload);
    assert_eq!(batch(b"[1,").expect_err("broken").code, Code::MalformedJson);
}

#[test]
fn a_dead_letter_says_where_and_why_and_keeps_what_was_there() {
    let mut it = record(Some(&vec![b'x'; 100_000]));
    it.headers = vec![("reiver.attempt".into(), Some(Bytes::from_static(b"1"))), ("trace".into(), None)];
    let rejection = decode(&it, Content::Events).expect_err("no JSON");
    let (payload, headers) = dead_letter_headers(&it, &rejection);
    assert_eq!(payload.expect("cut").len(), DEAD_LETTER_PAYLOAD_BYTES);
    assert_eq!(headers[..2], it.headers[..]);
    let last = |name: &str| {
        let found = headers.iter().rev().find(|header| header.0 == name).expect(name);
        String::from_utf8(found.1.as_ref().expect("has a value").to_vec()).expect("text")
    };
    for (name, value) in [
        ("__connect.errors.topic", "shop.events"),
        ("__connect.errors.partition", "3"),
        ("__connect.errors.offset", "41"),
        ("__connect.errors.stage", "VALUE_CONVERTER"),
        ("reiver.error.code", "malformed_json"),
        ("reiver.error.pointer", ""),
        ("reiver.attempt", "2"),
        ("reiver.payload.length", "100000"),
    ] {
        assert_eq!(last(name), value, "{name}");
    }
    assert!(last("__connect.errors.exception.message").starts_with("malformed_json: "));
}
