//! The control log: order, leadership, fencing.

use crate::stage::{Stage, TURN, led, payloads, say};
use reiver::adapter::kafka::Leading;
use reiver::port::{AppendError, ControlLog, Led};

#[test]
fn what_is_appended_is_read_back_in_order() {
    let stage = Stage::new(&[("control", 1)]);
    let mut control = stage.control(Leading::Alone);
    assert!(matches!(control.append(b"x"), Err(AppendError::Fenced(_))), "nobody writes before taking over");
    assert!(matches!(control.poll(TURN)[..], [Led::Gained]));
    control.start(None);
    led(&mut control, |all| all.iter().any(|l| matches!(l, Led::End(0))));
    control.take_over().unwrap();
    for i in 0..20 {
        control.append(i.to_string().as_bytes()).unwrap();
    }
    let all = led(&mut control, |all| payloads(all).len() == 20);
    assert_eq!(payloads(&all), (0..20).map(|i| i.to_string()).collect::<Vec<_>>());
    let last = all.iter().rev().find_map(|l| if let Led::Record { offset, .. } = l { Some(*offset) } else { None });
    // A checkpoint holds the offset after the last record that it covers: reading goes on there.
    let mut again = stage.control(Leading::Alone);
    again.start(last.map(|l| l + 1));
    control.append(b"next").unwrap();
    let all = led(&mut again, |all| !payloads(all).is_empty());
    assert_eq!(payloads(&all), ["next"]);
    assert_eq!(stage.counters.appended.load(std::sync::atomic::Ordering::Relaxed), 21);
}

#[test]
fn the_end_counts_what_lies_between_records() {
    let stage = Stage::new(&[("control", 1)]);
    let mut control = stage.control(Leading::Alone);
    control.start(None);
    control.take_over().unwrap();
    control.append(b"a").unwrap();
    control.append(b"b").unwrap();
    // With transactions each record is followed by its commit mark.
    let end = if stage.is_embedded() { 2 } else { 4 };
    led(&mut control, |all| all.iter().any(|l| matches!(l, Led::End(next) if *next == end)));
}

#[test]
fn a_second_learner_fences_the_first() {
    let stage = Stage::new(&[("control", 1)]);
    let (mut first, mut second) = (stage.control(Leading::Alone), stage.control(Leading::Alone));
    first.take_over().unwrap();
    first.append(b"one").unwrap();
    second.take_over().unwrap();
    second.append(b"two").unwrap();
    let late = first.append(b"zombie");
    if stage.is_embedded() {
        say("the embedded broker fences nobody (documented): generations alone tell two writers apart there");
        assert_eq!(late, Ok(()));
        return;
    }
    assert!(matches!(late, Err(AppendError::Fenced(_))), "{late:?}");
    assert!(matches!(first.append(b"zombie"), Err(AppendError::Fenced(_))), "until it takes over anew");
    second.append(b"three").unwrap();
    first.take_over().unwrap();
    first.append(b"four").unwrap();
    assert!(matches!(second.append(b"zombie"), Err(AppendError::Fenced(_))));
    let mut reader = stage.control(Leading::Alone);
    reader.start(None);
    let all = led(&mut reader, |all| payloads(all).len() == 4);
    assert_eq!(payloads(&all), ["one", "two", "three", "four"]);
}

#[test]
fn exactly_one_leads_and_the_other_follows_when_it_ends() {
    let stage = Stage::new(&[("control", 1)]);
    let mut first = stage.control(Leading::Elected);
    first.start(None);
    led(&mut first, |all| all.iter().any(|l| matches!(l, Led::Gained)));
    let mut second = stage.control(Leading::Elected);
    second.start(None);
    // Both in the group for a while: the newcomer gets nothing, and nobody loses anything.
    let mut events = Vec::new();
    for _ in 0..60 {
        events.extend(first.poll(TURN));
        events.extend(second.poll(TURN));
    }
    assert!(!events.iter().any(|l| matches!(l, Led::Gained | Led::Lost(_))), "{events:?}");
    first.take_over().unwrap();
    first.append(b"one").unwrap();
    led(&mut first, |all| payloads(all) == ["one"]);
    drop(first);
    let all = led(&mut second, |all| payloads(all) == ["one"]);
    assert!(matches!(all[0], Led::Gained), "{all:?}");
    second.take_over().unwrap();
    second.append(b"two").unwrap();
    led(&mut second, |all| payloads(all) == ["two"]);
}

#[test]
fn an_outage_while_appending_ends_in_one_record_or_none() {
    let Some(mut stage) = Stage::alone(&[("control", 1)]) else { return };
    stage.config.client.insert("socket.timeout.ms".into(), "3000".into());
    let mut control = stage.control(Leading::Alone);
    control.start(None);
    control.take_over().unwrap();
    control.append(b"before").unwrap();
    stage.down();
    let lost = control.append(b"during");
    assert!(matches!(lost, Err(AppendError::Away(_))), "{lost:?}");
    stage.up();
    let mut tries = 0;
    while let Err(error) = control.append(b"after") {
        tries += 1;
        assert!(tries < 10, "{error}");
        if matches!(error, AppendError::Fenced(_)) {
            control.take_over().unwrap();
        }
    }
    let all = led(&mut control, |all| payloads(all).iter().any(|p| p == "after"));
    let read = payloads(&all);
    assert!(read == ["before", "after"] || read == ["before", "during", "after"], "{read:?}");
}
