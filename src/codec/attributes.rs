//! Facts of the sender's own: names with numbers or words.

use super::limits::{MAX_ID_BYTES, MAX_LABELS, MAX_NUMBER};
use super::scalar::Name;
use super::trace::{Field, Seed, Trace};
use crate::event::{Attribute, Code};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Serialize, Serializer};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

/// At most 100 names, each with a number, a word, a flag or a list of words. What is none of these, or a word of more
/// than 256 bytes, is left out and counted as an unknown field: a sender's own facts never cost the event.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Attributes(pub(super) BTreeMap<String, Attribute>);

impl JsonSchema for Attributes {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Attributes".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object", "maxProperties": MAX_LABELS })
    }
}

impl Serialize for Attributes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(untagged)]
        enum Written<'a> {
            Number(f64),
            Word(&'a str),
            Words(&'a [String]),
        }
        serializer.collect_map(self.0.iter().map(|(name, attribute)| {
            let written = match attribute {
                Attribute::Number(x) => Written::Number(*x),
                Attribute::Words(words) => match words.as_slice() {
                    [word] => Written::Word(word),
                    words => Written::Words(words),
                },
            };
            (name, written)
        }))
    }
}

impl<'de> Field<'de> for Attributes {
    fn read<D: Deserializer<'de>>(deserializer: D, trace: &mut Trace) -> Result<Self, D::Error> {
        struct Entries<'t>(&'t mut Trace);
        impl<'de> Visitor<'de> for Entries<'_> {
            type Value = Attributes;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Attributes, A::Error> {
                let mut all = BTreeMap::new();
                while let Some(Name(name)) = map.next_key_seed(Seed::new(self.0))? {
                    match map.next_value_seed(Fact)? {
                        Some(attribute) if all.len() < MAX_LABELS => _ = all.insert(name.into_owned(), attribute),
                        None => self.0.unknown += 1,
                        Some(_) => {
                            return Err(self.0.fail(Code::TooLong, format_args!("more than {MAX_LABELS} entries")));
                        }
                    }
                }
                Ok(Attributes(all))
            }
        }
        deserializer.deserialize_map(Entries(trace))
    }
}

fn number(x: f64) -> Option<Attribute> {
    (x.abs() <= MAX_NUMBER).then_some(Attribute::Number(x))
}

/// Reads one value; `None` for one that is left out.
#[derive(Clone, Copy)]
struct Fact;

impl<'de> DeserializeSeed<'de> for Fact {
    type Value = Option<Attribute>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Fact {
    type Value = Option<Attribute>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }
    fn visit_bool<E>(self, is: bool) -> Result<Self::Value, E> {
        Ok(Some(Attribute::Words(vec![is.to_string()])))
    }
    fn visit_i64<E>(self, x: i64) -> Result<Self::Value, E> {
        Ok(number(x as f64))
    }
    fn visit_u64<E>(self, x: u64) -> Result<Self::Value, E> {
        Ok(number(x as f64))
    }
    fn visit_f64<E>(self, x: f64) -> Result<Self::Value, E> {
        Ok(number(x))
    }
    fn visit_str<E>(self, word: &str) -> Result<Self::Value, E> {
        let fits = !word.is_empty() && word.len() <= MAX_ID_BYTES;
        Ok(fits.then(|| Attribute::Words(vec![word.to_owned()])))
    }
    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let (mut words, mut whole) = (Vec::new(), true);
        while let Some(entry) = seq.next_element_seed(self)? {
            match entry {
                Some(Attribute::Words(mut more)) if words.len() + more.len() <= MAX_LABELS => words.append(&mut more),
                _ => whole = false,
            }
        }
        Ok((whole && !words.is_empty()).then_some(Attribute::Words(words)))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }
}
