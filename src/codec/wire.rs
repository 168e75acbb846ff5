//! The canonical JSON of the five event types, as it travels. Names are snake_case; camelCase is accepted on input.
//! The schemas under `schemas/` are generated from these types, and their doc comments are the descriptions there.

use super::attributes::Attributes;
use super::limits::{MAX_LABELS, MAX_LIST, MAX_VECTOR};
use super::moment::When;
use super::object::wire_object;
use super::scalar::{
    Because, Chance, Count, Doing, Flag, Maker, Name, Number, Rank, Share, Skipped, Text, Version, Whole,
};
use super::trace::List;

wire_object! { 'de;
    /// One item a user touched or saw.
    #[schemars(rename = "ItemTouch")]
    struct Touch<'de> {
        /// The item.
        #[schemars(required)]
        item_id: Name<'de> = "item_id" | "itemId",
        /// Its rank in the list it came from, from 1.
        rank: Rank = "rank",
        /// How many of it.
        quantity: Number = "quantity",
        /// Price of one.
        price: Number = "price",
    }
}

wire_object! { 'de;
    /// What a user did, to one item (`item_id`) or several (`items`).
    #[schemars(rename = "Interaction")]
    #[schemars(extend("allOf" = [
        { "anyOf": [{ "required": ["user_id"] }, { "required": ["anonymous_id"] }] },
        { "anyOf": [
            { "required": ["item_id"] },
            { "required": ["items"] },
            { "properties": { "action": { "const": "search" } } }
        ] }
    ]))]
    struct Interaction<'de> {
        /// The type of the event.
        #[schemars(required, extend("const" = "interaction"))]
        kind: Name<'de> = "type",
        /// Recognises duplicates; choose a UUID or a key of your own.
        #[schemars(required)]
        event_id: Name<'de> = "event_id" | "eventId",
        /// When it happened: RFC 3339 or epoch milliseconds.
        #[schemars(required)]
        event_time: When = "event_time" | "eventTime",
        /// Who sent it; not read.
        source: Skipped = "source",
        /// The version of this schema.
        schema_version: Version = "schema_version" | "schemaVersion",
        /// The user, once known.
        user_id: Name<'de> = "user_id" | "userId",
        /// The visitor, before the user is known; read where user_id is not given.
        anonymous_id: Name<'de> = "anonymous_id" | "anonymousId",
        /// The session.
        session_id: Name<'de> = "session_id" | "sessionId",
        /// The item.
        item_id: Name<'de> = "item_id" | "itemId",
        /// What the user did: a known action or custom:<name>.
        #[schemars(required)]
        action: Doing = "action",
        /// The decision that led here.
        decision_id: Name<'de> = "decision_id" | "decisionId" | "recommendation_id" | "recommendationId"
            | "attribution_token" | "attributionToken",
        /// The rank of item_id in the list it came from, from 1.
        rank: Rank = "rank",
        /// Amount, rating, seconds: what "value" in a reward table refers to.
        value: Number = "value",
        /// Several items at once.
        items: List<Touch<'de>, MAX_LIST> = "items",
        /// ISO 4217 code of value; not read.
        currency: Skipped = "currency",
        /// Where on the page or in the app; not read.
        surface: Skipped = "surface",
        /// Anything about the moment; not read.
        context: Skipped = "context",
        /// Anything else; not read.
        properties: Skipped = "properties",
    }
}

wire_object! { 'de;
    /// Items of a decision that were shown in a list.
    #[schemars(rename = "Impression")]
    struct Impression<'de> {
        /// The type of the event.
        #[schemars(required, extend("const" = "impression"))]
        kind: Name<'de> = "type",
        /// Recognises duplicates.
        #[schemars(required)]
        event_id: Name<'de> = "event_id" | "eventId",
        /// When it was seen: RFC 3339 or epoch milliseconds.
        #[schemars(required)]
        event_time: When = "event_time" | "eventTime",
        /// Who sent it; not read.
        source: Skipped = "source",
        /// The version of this schema.
        schema_version: Version = "schema_version" | "schemaVersion",
        /// The decision whose list it was.
        #[schemars(required)]
        decision_id: Name<'de> = "decision_id" | "decisionId" | "recommendation_id" | "recommendationId"
            | "attribution_token" | "attributionToken",
        /// The user.
        user_id: Name<'de> = "user_id" | "userId",
        /// The visitor, before the user is known; read where user_id is not given.
        anonymous_id: Name<'de> = "anonymous_id" | "anonymousId",
        /// What was shown, at least one item.
        #[schemars(required, extend("minItems" = 1))]
        items: List<Touch<'de>, MAX_LIST> = "items",
        /// Where on the page or in the app; not read.
        surface: Skipped = "surface",
        /// Whether it was on screen; not read.
        viewable: Skipped = "viewable",
        /// Anything about the moment; not read.
        context: Skipped = "context",
        /// Anything else; not read.
        properties: Skipped = "properties",
    }
}

wire_object! { 'de;
    /// An explicit reward for a decision.
    #[schemars(rename = "Feedback")]
    struct Feedback<'de> {
        /// The type of the event.
        #[schemars(required, extend("const" = "feedback"))]
        kind: Name<'de> = "type",
        /// Recognises duplicates.
        #[schemars(required)]
        event_id: Name<'de> = "event_id" | "eventId",
        /// When it happened: RFC 3339 or epoch milliseconds.
        #[schemars(required)]
        event_time: When = "event_time" | "eventTime",
        /// Who sent it; not read.
        source: Skipped = "source",
        /// The version of this schema.
        schema_version: Version = "schema_version" | "schemaVersion",
        /// The decision it rewards.
        #[schemars(required)]
        decision_id: Name<'de> = "decision_id" | "decisionId" | "recommendation_id" | "recommendationId"
            | "attribution_token" | "attributionToken",
        /// The metric, looked up in the experiment's reward table.
        #[schemars(required)]
        metric: Name<'de> = "metric",
        /// The metric's value.
        #[schemars(required)]
        value: Number = "value",
        /// The user; not read, the decision knows.
        user_id: Skipped = "user_id" | "userId",
        /// Whether more will follow; not read.
        last: Skipped = "final",
        /// Anything about the moment; not read.
        context: Skipped = "context",
        /// Anything else; not read.
        properties: Skipped = "properties",
    }
}

wire_object! { 'de;
    /// What is known of an item. A later event replaces an earlier one whole.
    #[schemars(rename = "Item")]
    struct Item<'de> {
        /// The type of the event; may be left out on a topic that holds items only.
        #[schemars(extend("const" = "item"))]
        kind: Name<'de> = "type",
        /// Recognises duplicates; derived from topic, partition and offset where it is not given.
        event_id: Name<'de> = "event_id" | "eventId",
        /// When it became true; the record's timestamp where it is not given.
        event_time: When = "event_time" | "eventTime",
        /// Who sent it; not read.
        source: Skipped = "source",
        /// The version of this schema.
        schema_version: Version = "schema_version" | "schemaVersion",
        /// The item.
        #[schemars(required)]
        item_id: Name<'de> = "item_id" | "itemId",
        /// True deletes the item, as a record without a value does.
        deleted: Flag = "deleted",
        /// Short name.
        title: Text<'de> = "title",
        /// Long text.
        text: Text<'de> = "text",
        /// Categories.
        categories: List<Name<'de>, MAX_LABELS> = "categories",
        /// Tags.
        tags: List<Name<'de>, MAX_LABELS> = "tags",
        /// Price in the shop's currency.
        price: Number = "price",
        /// Whether it may be recommended; true where it is not given.
        available: Flag = "available",
        /// When it was published; not read.
        published_at: Skipped = "published_at" | "publishedAt",
        /// When it ends; not read.
        expires_at: Skipped = "expires_at" | "expiresAt",
        /// Facts of your own: numbers, words, flags and lists of words, which models learn from.
        attributes: Attributes = "attributes",
        /// A vector of your own, always of one length: of a text or an image. Models learn from it.
        embedding: List<Number, MAX_VECTOR> = "embedding",
        /// Anything else; not read.
        properties: Skipped = "properties",
    }
}

wire_object! { 'de;
    /// The version of an allocation.
    #[schemars(rename = "AllocationVersion")]
    struct Allocation {
        /// The learner's generation.
        #[schemars(required)]
        generation: Count = "generation",
        /// The allocation tick; it only grows.
        #[schemars(required)]
        tick: Count = "tick",
    }
}

wire_object! { 'de;
    /// One arm's entry in the vector that was drawn from.
    #[schemars(rename = "ArmShare")]
    struct ArmEntry<'de> {
        /// The arm.
        #[schemars(required)]
        arm: Name<'de> = "arm",
        /// Its probability in this draw, 0 where it was not eligible.
        #[schemars(required)]
        propensity: Share = "propensity",
        /// Whether it could be drawn; true where it is not given.
        eligible: Flag = "eligible",
        /// Posterior mean reward of an assignment at that moment.
        mean: Number = "mean",
        /// Standard deviation of that mean.
        stddev: Number = "stddev",
    }
}

wire_object! { 'de;
    /// One item of a served list.
    #[schemars(rename = "ListedItem")]
    struct Listed<'de> {
        /// The item.
        #[schemars(required)]
        item_id: Name<'de> = "item_id" | "itemId",
        /// The model's score.
        score: Number = "score",
        /// Its rank, from 1; its place in the list where it is not given.
        rank: Rank = "rank",
    }
}

wire_object! { 'de;
    /// One answer given: the log alone re-derives it.
    #[schemars(rename = "Decision")]
    struct Decision<'de> {
        /// The type of the event.
        #[schemars(required, extend("const" = "decision"))]
        kind: Name<'de> = "type",
        /// The decision, a UUID v7 when it is ours; recognises duplicates.
        #[schemars(required)]
        decision_id: Name<'de> = "decision_id" | "decisionId",
        /// When it was made: RFC 3339 or epoch milliseconds.
        #[schemars(required)]
        event_time: When = "event_time" | "eventTime",
        /// Who decided; theirs where it is not given.
        source: Maker = "source",
        /// The version of this schema.
        schema_version: Version = "schema_version" | "schemaVersion",
        /// The experiment.
        #[schemars(required)]
        experiment: Name<'de> = "experiment",
        /// Who was randomised.
        #[schemars(required)]
        unit: Name<'de> = "unit",
        /// The part of traffic; "all" where it is not given.
        scope: Name<'de> = "scope",
        /// The epoch of the assignment; null where every decision is one.
        epoch: Whole = "epoch",
        /// Names the salt of the assignment's hash.
        salt_id: Text<'de> = "salt_id" | "saltId",
        /// The arm that answered.
        #[schemars(required)]
        arm: Name<'de> = "arm",
        /// The probability with which that arm was chosen.
        #[schemars(required)]
        propensity: Chance = "propensity",
        /// The allocation that was drawn from.
        allocation: Allocation = "allocation",
        /// The whole vector after masking.
        arms: List<ArmEntry<'de>, MAX_LIST> = "arms",
        /// Why this arm; assigned where it is not given.
        reason: Because = "reason",
        /// The user whose list it is, if a list was served.
        user_id: Name<'de> = "user_id" | "userId",
        /// The list that was served, best first.
        items: List<Listed<'de>, MAX_LIST> = "items",
        /// An id of the envelope; not read, decision_id recognises duplicates.
        event_id: Skipped = "event_id" | "eventId",
        /// When an assignment counts; not read.
        exposure: Skipped = "exposure",
        /// Anything about the moment; not read.
        context: Skipped = "context",
        /// Hash of the context; not read.
        context_hash: Skipped = "context_hash" | "contextHash",
        /// How long deciding took; not read.
        latency_us: Skipped = "latency_us" | "latencyUs",
        /// When rewards end; not read, the experiment's window rules.
        attribution_deadline: Skipped = "attribution_deadline" | "attributionDeadline",
        /// Anything else; not read.
        properties: Skipped = "properties",
    }
}
