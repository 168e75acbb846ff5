//! Wire → event: what must be there, what stands in for what is not. Values were checked while they were read.

use super::limits::{EARLIEST, LATEST, MAX_ID_BYTES};
use super::moment::When;
use super::scalar::{Because, Chance, Doing, Maker, Name, Number};
use super::trace::List;
use super::wire;
use crate::event::{
    Action, AllocationVersion, ArmShare, Code, Decision, DecisionKey, Event, Feedback, Impression, Interaction, Item,
    ItemFacts, ItemTouch, Kind, ListedItem, Reason, Record, Rejection, Time,
};
use xxhash_rust::xxh3::xxh3_128;

/// Any event as it travels.
#[derive(Debug)]
pub(super) enum Wire<'a> {
    Interaction(wire::Interaction<'a>),
    Impression(wire::Impression<'a>),
    Decision(Box<wire::Decision<'a>>),
    Feedback(wire::Feedback<'a>),
    Item(wire::Item<'a>),
}

/// What the surroundings of the bytes give to an event that does not say it itself.
pub(super) struct Around<'a> {
    /// The record's timestamp, or when the request came.
    pub(super) time: Time,
    /// Names the place of the bytes, or their content, for ever.
    pub(super) origin: &'a dyn Fn() -> String,
}

/// Topic, partition and offset as the id of an event that brings none.
pub(super) fn origin(record: &Record) -> String {
    let text = format!("{}/{}/{}", record.partition.topic, record.partition.number, record.offset);
    if text.len() <= MAX_ID_BYTES { text } else { format!("{:032x}", xxh3_128(text.as_bytes())) }
}

/// The item event of a record without a value: its key names the item that is deleted.
pub(super) fn tombstone(record: &Record) -> Result<Event, Rejection> {
    let refuse = |code, detail: &str| {
        Err(Rejection::at(code, "", format!("a record without a value deletes the item its key names: {detail}")))
    };
    let Some(key) = record.key.as_deref() else {
        return refuse(Code::MissingField, "there is no key");
    };
    match std::str::from_utf8(key) {
        Err(_) => refuse(Code::WrongType, "the key is not UTF-8"),
        Ok("") => refuse(Code::EmptyField, "the key is empty"),
        Ok(id) if id.len() > MAX_ID_BYTES => refuse(Code::TooLong, "the key is longer than an id may be"),
        Ok(id) if id.as_bytes().contains(&0) => refuse(Code::ZeroByte, "there is a zero byte in the key"),
        Ok(id) => Ok(Event::Item(Item {
            event_id: origin(record),
            time: record.timestamp.clamp(EARLIEST, LATEST),
            item_id: id.to_owned(),
            facts: None,
        })),
    }
}

/// Builds the event.
pub(super) fn event(wire: Wire<'_>, around: &Around<'_>) -> Result<Event, Rejection> {
    match wire {
        Wire::Interaction(it) => interaction(it).map(Event::Interaction),
        Wire::Impression(it) => impression(it).map(Event::Impression),
        Wire::Decision(it) => decision(*it).map(|it| Event::Decision(Box::new(it))),
        Wire::Feedback(it) => feedback(it).map(Event::Feedback),
        Wire::Item(it) => item(it, around).map(Event::Item),
    }
}

fn missing(kind: Kind, field: &str) -> Rejection {
    Rejection::at(Code::MissingField, format!("/{field}"), format!("{} needs {field}", kind.as_str()))
}

fn need<T>(value: Option<T>, kind: Kind, field: &str) -> Result<T, Rejection> {
    value.ok_or_else(|| missing(kind, field))
}

fn name(value: Option<Name<'_>>, kind: Kind, field: &str) -> Result<String, Rejection> {
    need(value, kind, field).map(owned)
}

fn owned(Name(text): Name<'_>) -> String {
    text.into_owned()
}

fn interaction(it: wire::Interaction<'_>) -> Result<Interaction, Rejection> {
    let kind = Kind::Interaction;
    let event_id = name(it.event_id, kind, "event_id")?;
    let When(time) = need(it.event_time, kind, "event_time")?;
    let user_id = name(it.user_id.or(it.anonymous_id), kind, "user_id")?;
    let Doing(action) = need(it.action, kind, "action")?;
    let (several, list_given) = (touches(it.items.unwrap_or_default())?, it.item_id.is_none());
    let mut items = Vec::with_capacity(1.max(several.len()));
    if let Some(id) = it.item_id {
        items.push(ItemTouch { item_id: owned(id), rank: it.rank.map(|rank| rank.0) });
    }
    // Where both forms are given, the list may name the lone item again: it is one touch.
    for touch in several {
        if list_given || touch.item_id != items[0].item_id {
            items.push(touch);
        }
    }
    if items.is_empty() && action != Action::Search {
        return Err(missing(kind, "item_id"));
    }
    Ok(Interaction {
        event_id,
        time,
        user_id,
        action,
        items,
        decision: it.decision_id.map(|id| DecisionKey::of(&id.0)),
        session_id: it.session_id.map(owned),
        value: it.value.map(|value| value.0),
    })
}

fn touches<const MAX: usize>(List(list): List<wire::Touch<'_>, MAX>) -> Result<Vec<ItemTouch>, Rejection> {
    let one = |(at, touch): (usize, wire::Touch<'_>)| match touch.item_id {
        Some(id) => Ok(ItemTouch { item_id: owned(id), rank: touch.rank.map(|rank| rank.0) }),
        None => Err(entry_lacks("items", at, "item_id")),
    };
    list.into_iter().enumerate().map(one).collect()
}

fn entry_lacks(list: &str, at: usize, field: &str) -> Rejection {
    Rejection::at(Code::MissingField, format!("/{list}/{at}/{field}"), format!("an entry of {list} needs {field}"))
}

fn impression(it: wire::Impression<'_>) -> Result<Impression, Rejection> {
    let kind = Kind::Impression;
    let event_id = name(it.event_id, kind, "event_id")?;
    let When(time) = need(it.event_time, kind, "event_time")?;
    let Name(decision) = need(it.decision_id, kind, "decision_id")?;
    let items = touches(need(it.items, kind, "items")?)?;
    if items.is_empty() {
        return Err(Rejection::at(Code::EmptyField, "/items", "an impression shows at least one item"));
    }
    Ok(Impression {
        event_id,
        time,
        decision: DecisionKey::of(&decision),
        user_id: it.user_id.or(it.anonymous_id).map(owned),
        items,
    })
}

fn feedback(it: wire::Feedback<'_>) -> Result<Feedback, Rejection> {
    let kind = Kind::Feedback;
    let event_id = name(it.event_id, kind, "event_id")?;
    let When(time) = need(it.event_time, kind, "event_time")?;
    let Name(decision) = need(it.decision_id, kind, "decision_id")?;
    let metric = name(it.metric, kind, "metric")?;
    let Number(value) = need(it.value, kind, "value")?;
    Ok(Feedback { event_id, time, decision: DecisionKey::of(&decision), metric, value })
}

fn item(it: wire::Item<'_>, around: &Around<'_>) -> Result<Item, Rejection> {
    let item_id = name(it.item_id, Kind::Item, "item_id")?;
    let labels = |List(list): List<Name<'_>, _>| list.into_iter().map(owned).collect();
    let facts = ItemFacts {
        title: it.title.map(|text| text.0.into_owned()),
        text: it.text.map(|text| text.0.into_owned()),
        categories: it.categories.map(labels).unwrap_or_default(),
        tags: it.tags.map(labels).unwrap_or_default(),
        price: it.price.map(|price| price.0),
        attributes: it.attributes.map(|attributes| attributes.0).unwrap_or_default(),
        embedding: it.embedding.map(|List(all)| all.into_iter().map(|x| x.0 as f32).collect()).unwrap_or_default(),
        available: it.available.is_none_or(|flag| flag.0),
    };
    Ok(Item {
        event_id: it.event_id.map_or_else(around.origin, owned),
        time: it.event_time.map_or_else(|| around.time.clamp(EARLIEST, LATEST), |when| when.0),
        item_id,
        facts: it.deleted.is_none_or(|flag| !flag.0).then_some(facts),
    })
}

fn decision(it: wire::Decision<'_>) -> Result<Decision, Rejection> {
    let kind = Kind::Decision;
    let decision_id = name(it.decision_id, kind, "decision_id")?;
    let When(time) = need(it.event_time, kind, "event_time")?;
    let experiment = name(it.experiment, kind, "experiment")?;
    let unit = name(it.unit, kind, "unit")?;
    let arm = name(it.arm, kind, "arm")?;
    let Chance(propensity) = need(it.propensity, kind, "propensity")?;
    Ok(Decision {
        decision_id,
        time,
        experiment,
        unit,
        scope: it.scope.map_or_else(|| "all".to_owned(), owned),
        epoch: it.epoch.map(|epoch| epoch.0),
        salt_id: it.salt_id.map(|text| text.0.into_owned()).unwrap_or_default(),
        arm,
        propensity,
        allocation: version(it.allocation)?,
        arms: it.arms.unwrap_or_default().0.into_iter().enumerate().map(arm_share).collect::<Result<_, _>>()?,
        reason: it.reason.map_or(Reason::Assigned, |Because(reason)| reason),
        ours: it.source == Some(Maker::Ours),
        user_id: it.user_id.map(owned),
        items: it.items.unwrap_or_default().0.into_iter().enumerate().map(listed).collect::<Result<_, _>>()?,
    })
}

fn version(allocation: Option<wire::Allocation>) -> Result<AllocationVersion, Rejection> {
    let Some(it) = allocation else {
        return Ok(AllocationVersion::default());
    };
    Ok(AllocationVersion {
        generation: need(it.generation, Kind::Decision, "allocation/generation")?.0,
        tick: need(it.tick, Kind::Decision, "allocation/tick")?.0,
    })
}

fn arm_share((at, entry): (usize, wire::ArmEntry<'_>)) -> Result<ArmShare, Rejection> {
    Ok(ArmShare {
        arm: entry.arm.map(owned).ok_or_else(|| entry_lacks("arms", at, "arm"))?,
        propensity: entry.propensity.ok_or_else(|| entry_lacks("arms", at, "propensity"))?.0,
        eligible: entry.eligible.is_none_or(|flag| flag.0),
        mean: entry.mean.map(|number| number.0),
        stddev: entry.stddev.map(|number| number.0),
    })
}

fn listed((at, entry): (usize, wire::Listed<'_>)) -> Result<ListedItem, Rejection> {
    Ok(ListedItem {
        item_id: entry.item_id.map(owned).ok_or_else(|| entry_lacks("items", at, "item_id"))?,
        score: entry.score.map_or(0.0, |score| score.0),
        rank: entry.rank.map_or(at as u32 + 1, |rank| rank.0),
    })
}
