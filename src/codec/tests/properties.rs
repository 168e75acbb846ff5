//! Round trips, and bytes that nobody meant.

use super::super::*;
use super::{NOW, read, record};
use crate::event::{
    Action, AllocationVersion, ArmShare, Attribute, Code, Content, Decision, DecisionKey, Event, Feedback, Impression,
    Interaction, Item, ItemFacts, ItemTouch, ListedItem, Reason, Time,
};
use proptest::collection::{btree_map, vec};
use proptest::option::of;
use proptest::prelude::*;
use std::collections::BTreeMap;

fn id() -> impl Strategy<Value = String> {
    "[ -~äß🦀\\x01]{1,40}"
}
fn time() -> impl Strategy<Value = Time> {
    (EARLIEST.0..NOW.0).prop_map(Time)
}
fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        -MAX_NUMBER..=MAX_NUMBER,
        -1.0..1.0,
        Just(0.0),
        Just(-0.0),
        Just(f64::MIN_POSITIVE / 8.0),
        Just(MAX_NUMBER)
    ]
}
fn chance() -> impl Strategy<Value = f64> {
    prop_oneof![f64::from_bits(1)..=1.0, Just(1.0), Just(f64::from_bits(1))]
}
fn touch() -> impl Strategy<Value = ItemTouch> {
    (id(), of(1..u32::MAX)).prop_map(|(item_id, rank)| ItemTouch { item_id, rank })
}
fn decision_key() -> impl Strategy<Value = DecisionKey> {
    any::<u128>().prop_map(DecisionKey)
}

prop_compose! {
    fn any_interaction()(
        event_id in id(), time in time(), user_id in id(), items in vec(touch(), 1..4), decision in of(decision_key()),
        session_id in of(id()), value in of(number()), action in prop_oneof![
            Just(Action::Click), Just(Action::AddToCart), Just(Action::Search), "[a-z ]{1,9}".prop_map(Action::Custom),
        ], search in any::<bool>(),
    ) -> Event {
        let items = if search && action == Action::Search { Vec::new() } else { items };
        Event::Interaction(Interaction { event_id, time, user_id, action, items, decision, session_id, value })
    }
}
prop_compose! {
    fn any_impression()(
        event_id in id(), time in time(), decision in decision_key(), user_id in of(id()), items in vec(touch(), 1..4),
    ) -> Event {
        Event::Impression(Impression { event_id, time, decision, user_id, items })
    }
}
prop_compose! {
    fn any_feedback()(
        event_id in id(), time in time(), decision in decision_key(), metric in id(), value in number(),
    ) -> Event {
        Event::Feedback(Feedback { event_id, time, decision, metric, value })
    }
}
fn attributes() -> impl Strategy<Value = BTreeMap<String, Attribute>> {
    let words = vec("[a-z]{1,5}", 1..3).prop_map(Attribute::Words);
    btree_map(id(), prop_oneof![number().prop_map(Attribute::Number), words], 0..4)
}
prop_compose! {
    fn facts()(
        title in of(".{0,20}"), text in of(".{0,40}"), categories in vec(id(), 0..3), tags in vec(id(), 0..3),
        price in of(number()), attributes in attributes(), embedding in vec(-1e3f32..1e3, 0..5),
        available in any::<bool>(),
    ) -> ItemFacts {
        ItemFacts { title, text, categories, tags, price, attributes, embedding, available }
    }
}
prop_compose! {
    fn any_item()(event_id in id(), time in time(), item_id in id(), facts in of(facts())) -> Event {
        Event::Item(Item { event_id, time, item_id, facts })
    }
}
prop_compose! {
    fn arm()(
        arm in id(), propensity in prop_oneof![chance(), Just(0.0)], eligible in any::<bool>(), mean in of(number()),
        stddev in of(number()),
    ) -> ArmShare {
        ArmShare { arm, propensity, eligible, mean, stddev }
    }
}
prop_compose! {
    fn any_decision()(
        names in vec(id(), 5), salt_id in ".{0,9}", time in time(), epoch in of(any::<i64>()), propensity in chance(),
        (generation, tick) in any::<(u64, u64)>(), arms in vec(arm(), 0..4), reason in 0..7_usize, ours in any::<bool>(),
        user_id in of(id()), items in vec((id(), number(), 1..u32::MAX), 0..3),
    ) -> Event {
        let mut names = names.into_iter();
        let mut next = || names.next().expect("five names");
        let items = items.into_iter().map(|(item_id, score, rank)| ListedItem { item_id, score, rank }).collect();
        Event::Decision(Box::new(Decision {
            decision_id: next(), experiment: next(), unit: next(), scope: next(), arm: next(), time, epoch, salt_id,
            propensity, allocation: AllocationVersion { generation, tick }, arms, reason: Reason::ALL[reason], ours,
            user_id, items,
        }))
    }
}
fn any_event() -> impl Strategy<Value = Event> {
    prop_oneof![any_interaction(), any_impression(), any_feedback(), any_item(), any_decision()]
}

proptest! {
    #[test]
    fn decode_undoes_encode(event in any_event()) {
        let bytes = encode(&event);
        let decoded = decode(&record(Some(&bytes)), Content::Events);
        prop_assert_eq!(decoded, Ok(Decoded { event, unknown_fields: 0 }));
        prop_assert!(!bytes.contains(&b'\n'));
    }

    #[test]
    fn the_order_of_fields_does_not_matter(event in any_event()) {
        let value: serde_json::Value = serde_json::from_slice(&encode(&event)).expect("JSON");
        let mut fields: Vec<String> =
            value.as_object().expect("object").iter().map(|(name, value)| format!("{name:?}:{value}")).collect();
        fields.reverse();
        let text = format!("{{{}}}", fields.join(","));
        prop_assert_eq!(read(&text).map(|it| it.event), Ok(event));
    }

    #[test]
    fn any_bytes_get_an_answer(bytes in vec(any::<u8>(), 0..300)) {
        for content in [Content::Events, Content::Items, Content::Decisions] {
            let _ = decode(&record(Some(&bytes)), content);
        }
        let _ = (decode_body(&bytes, NOW), event_time(&bytes), batch(&bytes).map(|it| it.len()));
    }

    #[test]
    fn damaged_events_get_an_answer_that_points_into_them(
        event in any_event(), damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in any::<prop::sample::Index>(), shorten in any::<bool>(),
    ) {
        let mut bytes = encode(&event);
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if shorten {
            bytes.truncate(cut.index(bytes.len()));
        }
        if let Err(rejection) = decode(&record(Some(&bytes)), Content::Events) {
            prop_assert!(rejection.detail.len() < 300);
            prop_assert!(rejection.pointer.is_empty() || rejection.pointer.starts_with('/'));
        }
    }

    #[test]
    fn wrong_values_are_found_where_they_are(event in any_event(), pick in any::<prop::sample::Index>()) {
        let mut value: serde_json::Value = serde_json::from_slice(&encode(&event)).expect("JSON");
        let object = value.as_object_mut().expect("object");
        let names: Vec<String> = object.keys().cloned().collect();
        let name = &names[pick.index(names.len())];
        // No field of any type takes `[true]`.
        object[name] = serde_json::json!([true]);
        let rejection = read(&value.to_string()).expect_err("wrong");
        prop_assert_eq!(rejection.code, Code::WrongType);
        let expected = format!("/{name}");
        prop_assert!(rejection.pointer.starts_with(&expected));
    }
}
