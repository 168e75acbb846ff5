//! The door out: canonical JSON, `type` first, one line. `decode ∘ encode` is the identity on valid events.

use super::attributes::Attributes;
use super::moment::When;
use super::scalar::{Because, Chance, Count, Doing, Flag, Maker, Name, Number, Rank, Share, Text, Whole};
use super::trace::List;
use super::wire;
use crate::event::{
    ArmShare, Decision, DecisionKey, Event, Feedback, Impression, Interaction, Item, ItemTouch, Kind, ListedItem,
};
use std::borrow::Cow;

/// The canonical JSON of an event, as UTF-8 without a line end. A decision named by a text that is no UUID is written
/// as the UUID of its key: decisions are compared by key.
#[must_use]
pub fn encode(event: &Event) -> Vec<u8> {
    let written = match event {
        Event::Interaction(it) => serde_json::to_vec(&interaction(it)),
        Event::Impression(it) => serde_json::to_vec(&impression(it)),
        Event::Decision(it) => serde_json::to_vec(&decision(it)),
        Event::Feedback(it) => serde_json::to_vec(&feedback(it)),
        Event::Item(it) => serde_json::to_vec(&item(it)),
    };
    written.expect("texts, numbers and lists always have a JSON form, and a Vec takes every byte")
}

fn name(text: &str) -> Option<Name<'_>> {
    Some(Name(Cow::Borrowed(text)))
}

fn kind(kind: Kind) -> Option<Name<'static>> {
    name(kind.as_str())
}

fn key(decision: DecisionKey) -> Option<Name<'static>> {
    Some(Name(Cow::Owned(uuid::Uuid::from_u128(decision.0).to_string())))
}

fn touch(it: &ItemTouch) -> wire::Touch<'_> {
    wire::Touch { item_id: name(&it.item_id), rank: it.rank.map(Rank), ..Default::default() }
}

fn interaction(it: &Interaction) -> wire::Interaction<'_> {
    let (lone, items) = match it.items.as_slice() {
        [one] => (Some(one), None),
        [] => (None, None),
        several => (None, Some(List(several.iter().map(touch).collect()))),
    };
    wire::Interaction {
        kind: kind(Kind::Interaction),
        event_id: name(&it.event_id),
        event_time: Some(When(it.time)),
        user_id: name(&it.user_id),
        session_id: it.session_id.as_deref().and_then(name),
        item_id: lone.and_then(|one| name(&one.item_id)),
        action: Some(Doing(it.action.clone())),
        decision_id: it.decision.and_then(key),
        rank: lone.and_then(|one| one.rank).map(Rank),
        value: it.value.map(Number),
        items,
        ..Default::default()
    }
}

fn impression(it: &Impression) -> wire::Impression<'_> {
    wire::Impression {
        kind: kind(Kind::Impression),
        event_id: name(&it.event_id),
        event_time: Some(When(it.time)),
        decision_id: key(it.decision),
        user_id: it.user_id.as_deref().and_then(name),
        items: Some(List(it.items.iter().map(touch).collect())),
        ..Default::default()
    }
}

fn feedback(it: &Feedback) -> wire::Feedback<'_> {
    wire::Feedback {
        kind: kind(Kind::Feedback),
        event_id: name(&it.event_id),
        event_time: Some(When(it.time)),
        decision_id: key(it.decision),
        metric: name(&it.metric),
        value: Some(Number(it.value)),
        ..Default::default()
    }
}

fn item(it: &Item) -> wire::Item<'_> {
    let head = wire::Item {
        kind: kind(Kind::Item),
        event_id: name(&it.event_id),
        event_time: Some(When(it.time)),
        item_id: name(&it.item_id),
        ..Default::default()
    };
    let Some(facts) = &it.facts else {
        return wire::Item { deleted: Some(Flag(true)), ..head };
    };
    let text = |text: &'_ Option<String>| text.clone().map(|text| Text(Cow::Owned(text)));
    wire::Item {
        title: text(&facts.title),
        text: text(&facts.text),
        categories: labels(&facts.categories),
        tags: labels(&facts.tags),
        price: facts.price.map(Number),
        attributes: (!facts.attributes.is_empty()).then(|| Attributes(facts.attributes.clone())),
        embedding: (!facts.embedding.is_empty())
            .then(|| List(facts.embedding.iter().map(|x| Number(f64::from(*x))).collect())),
        available: Some(Flag(facts.available)),
        ..head
    }
}

fn labels<const MAX: usize>(texts: &[String]) -> Option<List<Name<'_>, MAX>> {
    (!texts.is_empty()).then(|| List(texts.iter().filter_map(|text| name(text)).collect()))
}

fn decision(it: &Decision) -> wire::Decision<'_> {
    wire::Decision {
        kind: kind(Kind::Decision),
        decision_id: name(&it.decision_id),
        event_time: Some(When(it.time)),
        source: Some(if it.ours { Maker::Ours } else { Maker::Theirs }),
        experiment: name(&it.experiment),
        unit: name(&it.unit),
        scope: name(&it.scope),
        epoch: it.epoch.map(Whole),
        salt_id: Some(Text(Cow::Borrowed(&it.salt_id))),
        arm: name(&it.arm),
        propensity: Some(Chance(it.propensity)),
        allocation: Some(wire::Allocation {
            generation: Some(Count(it.allocation.generation)),
            tick: Some(Count(it.allocation.tick)),
        }),
        arms: Some(List(it.arms.iter().map(arm).collect())),
        reason: Some(Because(it.reason)),
        user_id: it.user_id.as_deref().and_then(name),
        items: (!it.items.is_empty()).then(|| List(it.items.iter().map(listed).collect())),
        ..Default::default()
    }
}

fn arm(it: &ArmShare) -> wire::ArmEntry<'_> {
    wire::ArmEntry {
        arm: name(&it.arm),
        propensity: Some(Share(it.propensity)),
        eligible: Some(Flag(it.eligible)),
        mean: it.mean.map(Number),
        stddev: it.stddev.map(Number),
    }
}

fn listed(it: &ListedItem) -> wire::Listed<'_> {
    wire::Listed { item_id: name(&it.item_id), score: Some(Number(it.score)), rank: Some(Rank(it.rank)) }
}
