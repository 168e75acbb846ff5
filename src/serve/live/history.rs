//! Series of numbers over the last minutes, one point a second, bounded in time and in number of series.

use serde::Serialize;
use serde::ser::SerializeMap;
use std::collections::{BTreeMap, VecDeque};

/// Points kept: fifteen minutes at one a second.
pub(super) const POINTS: usize = 900;
/// Series kept at most; more are left out.
const SERIES: usize = 400;

/// Named series on one time axis. What was not known at a moment is `None` there.
#[derive(Clone, Debug, Default)]
pub(super) struct History {
    times: VecDeque<i64>,
    series: BTreeMap<String, VecDeque<Option<f32>>>,
}

impl History {
    /// Adds one moment, in milliseconds; the oldest leaves once there are enough.
    pub(super) fn push(&mut self, time: i64, values: &[(String, Option<f64>)]) {
        let before = self.times.len();
        self.times.push_back(time);
        for (name, value) in values {
            if !self.series.contains_key(name) && self.series.len() >= SERIES {
                continue;
            }
            let series = self.series.entry(name.clone()).or_insert_with(|| VecDeque::from(vec![None; before]));
            series.push_back(value.filter(|v| v.is_finite()).map(short));
        }
        for series in self.series.values_mut() {
            series.resize(self.times.len(), None);
        }
        if self.times.len() > POINTS {
            self.times.pop_front();
            for series in self.series.values_mut() {
                series.pop_front();
            }
            self.series.retain(|_, s| s.iter().any(Option::is_some));
        }
    }

    /// The newest value of a series, where it has one.
    #[cfg(test)]
    pub(super) fn newest(&self, name: &str) -> Option<f32> {
        self.series.get(name)?.back().copied().flatten()
    }

    /// How many moments are kept.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.times.len()
    }
}

/// `{"time":[…],"share/0":[…]}`.
impl Serialize for History {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.series.len() + 1))?;
        map.serialize_entry("time", &self.times)?;
        for (name, series) in &self.series {
            map.serialize_entry(name, series)?;
        }
        map.end()
    }
}

/// Five digits are more than a chart can show, and a third of the bytes.
pub(super) fn short(value: f64) -> f32 {
    if value == 0.0 || !value.is_finite() {
        return 0.0;
    }
    let scale = 10f64.powi(4 - value.abs().log10().floor() as i32);
    let rounded = (value * scale).round() / scale;
    (if rounded.is_finite() { rounded } else { value }) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_bounded_and_late_series_begin_with_nothing() {
        let mut h = History::default();
        for t in 0..(POINTS as i64 + 100) {
            h.push(t * 1000, &[("a".to_owned(), Some(t as f64)), ("gone".to_owned(), (t < 50).then_some(1.0))]);
        }
        assert_eq!((h.len(), h.newest("a")), (POINTS, Some(999.0)));
        assert!(!h.series.contains_key("gone"), "what has nothing left to show leaves");
        h.push(1_000_000, &[("b".to_owned(), Some(0.5))]);
        assert_eq!(h.newest("a"), None);
        let json = serde_json::to_value(&h).expect("plain numbers");
        assert_eq!(json["time"].as_array().map(Vec::len), Some(POINTS));
        assert_eq!(json["b"].as_array().map(Vec::len), Some(POINTS));
        assert!(json["b"][0].is_null() && json["b"][POINTS - 1] == 0.5);
        for i in 0..2 * SERIES {
            h.push(2_000_000 + i as i64, &[(format!("s{i}"), Some(1.0))]);
        }
        assert!(h.series.len() <= SERIES);
    }

    #[test]
    fn numbers_are_short() {
        let text = |x: f64| serde_json::to_string(&short(x)).expect("a number");
        let shown = [0.123_456_789, 1.0, 98_765_432.1, -0.000_012_345_67, 0.0, 1e-300].map(text);
        assert_eq!(shown, ["0.12346", "1.0", "98765000.0", "-0.000012346", "0.0", "0.0"]);
    }
}
