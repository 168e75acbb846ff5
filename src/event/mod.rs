//! The words everyone speaks. Read in this order: time, id, body, rejection, record, control.

mod body;
mod control;
mod id;
mod record;
mod rejection;
mod time;

pub use body::{
    Action, AllocationVersion, ArmShare, Attribute, Decision, Event, Feedback, Impression, Interaction, Item,
    ItemFacts, ItemTouch, Kind, ListedItem, Reason,
};
pub use control::{Command, CommandAction, Control, Cut, CutPart, Generation};
pub use id::{DecisionKey, Id};
pub use record::{Content, Partition, Record};
pub use rejection::{Code, Rejection};
pub use time::{Span, Time};
