//! Records as `kcat -J` prints them, one JSON object a line.

use serde_json::Value;

/// One record.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    /// Topic.
    pub(crate) topic: String,
    /// Partition.
    pub(crate) partition: i64,
    /// Offset.
    pub(crate) offset: i64,
    /// The payload as JSON; `None` where it is no JSON object.
    pub(crate) event: Option<Value>,
}

impl Line {
    /// A text field of the event.
    pub(crate) fn text(&self, field: &str) -> Option<&str> {
        self.event.as_ref()?.get(field)?.as_str()
    }

    /// The event's time in milliseconds.
    pub(crate) fn time(&self) -> Option<i64> {
        milliseconds(self.text("event_time")?)
    }
}

/// Reads what kcat printed. Empty lines are left out.
///
/// # Panics
/// When a line is none of kcat's: the account would be of something else.
pub(crate) fn read(printed: &str) -> Vec<Line> {
    printed.lines().filter(|line| !line.trim().is_empty()).map(line).collect()
}

fn line(text: &str) -> Line {
    let outer: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("not kcat's: {error}: {text}"));
    let number = |key: &str| outer[key].as_i64().unwrap_or_else(|| panic!("no {key}: {text}"));
    let payload = outer["payload"].as_str().and_then(|payload| serde_json::from_str::<Value>(payload).ok());
    Line {
        topic: outer["topic"].as_str().unwrap_or_else(|| panic!("no topic: {text}")).to_owned(),
        partition: number("partition"),
        offset: number("offset"),
        event: payload.filter(Value::is_object),
    }
}

/// RFC 3339 to milliseconds since 1970.
pub(crate) fn milliseconds(text: &str) -> Option<i64> {
    text.parse::<jiff::Timestamp>().ok().map(|time| time.as_millisecond())
}
