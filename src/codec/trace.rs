//! How a failure finds its place. Reading costs nothing extra while all is well; on the first failure the path is
//! collected on the way out, innermost first.

use crate::event::{Code, Time};
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, SeqAccess, Visitor};
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

/// What reading one event leaves behind beside the event.
#[derive(Debug)]
pub(super) struct Trace {
    /// The latest time that is plausible.
    pub(super) latest: Time,
    /// Fields that nobody knows.
    pub(super) unknown: u32,
    /// The code of the failure, where it is ours and not the JSON reader's.
    pub(super) code: Option<Code>,
    /// Reference tokens of the failing field, innermost first, escaped.
    path: Vec<String>,
}

impl Trace {
    pub(super) const fn new(latest: Time) -> Self {
        Self { latest, unknown: 0, code: None, path: Vec::new() }
    }

    /// Fails with a code of ours.
    pub(super) fn fail<E: Error>(&mut self, code: Code, detail: impl fmt::Display) -> E {
        self.code = Some(code);
        E::custom(detail)
    }

    /// Adds the enclosing field or index to the path of a failure.
    pub(super) fn inside(&mut self, token: &str) {
        self.path.push(token.replace('~', "~0").replace('/', "~1"));
    }

    /// The JSON pointer (RFC 6901) of the failure.
    pub(super) fn pointer(&self) -> String {
        self.path.iter().rev().fold(String::new(), |pointer, token| pointer + "/" + token)
    }
}

/// Something that can be read as the value of a field.
pub(super) trait Field<'de>: Sized {
    /// Reads one value; on failure says in `trace` why, unless the reader's own error says it.
    fn read<D: Deserializer<'de>>(deserializer: D, trace: &mut Trace) -> Result<Self, D::Error>;
}

/// Hands a trace through serde to a [`Field`].
pub(super) struct Seed<'t, T>(pub(super) &'t mut Trace, PhantomData<T>);

impl<'t, T> Seed<'t, T> {
    pub(super) const fn new(trace: &'t mut Trace) -> Self {
        Self(trace, PhantomData)
    }
}

impl<'de, T: Field<'de>> DeserializeSeed<'de> for Seed<'_, T> {
    type Value = T;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        T::read(deserializer, self.0)
    }
}

/// A value or null.
impl<'de, T: Field<'de>> Field<'de> for Option<T> {
    fn read<D: Deserializer<'de>>(deserializer: D, trace: &mut Trace) -> Result<Self, D::Error> {
        struct Maybe<'t, T>(Seed<'t, T>);
        impl<'de, T: Field<'de>> Visitor<'de> for Maybe<'_, T> {
            type Value = Option<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value or null")
            }
            fn visit_none<E>(self) -> Result<Self::Value, E> {
                Ok(None)
            }
            fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
                self.0.deserialize(deserializer).map(Some)
            }
        }
        deserializer.deserialize_option(Maybe(Seed::new(trace)))
    }
}

/// A list of at most `MAX` entries.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
#[serde(transparent)]
pub(super) struct List<T, const MAX: usize>(pub(super) Vec<T>);

impl<T: schemars::JsonSchema, const MAX: usize> schemars::JsonSchema for List<T, MAX> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        format!("List_{}_{MAX}", T::schema_name()).into()
    }
    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let items = generator.subschema_for::<T>();
        schemars::json_schema!({ "type": "array", "items": items, "maxItems": MAX })
    }
}

impl<'de, T: Field<'de>, const MAX: usize> Field<'de> for List<T, MAX> {
    fn read<D: Deserializer<'de>>(deserializer: D, trace: &mut Trace) -> Result<Self, D::Error> {
        struct Entries<'t, T, const MAX: usize>(Seed<'t, T>);
        impl<'de, T: Field<'de>, const MAX: usize> Visitor<'de> for Entries<'_, T, MAX> {
            type Value = List<T, MAX>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let trace = self.0.0;
                let mut list = Vec::new();
                while list.len() < MAX {
                    match seq.next_element_seed(Seed::<T>::new(trace)) {
                        Ok(Some(entry)) => list.push(entry),
                        Ok(None) => return Ok(List(list)),
                        Err(error) => {
                            trace.inside(&list.len().to_string());
                            return Err(error);
                        }
                    }
                }
                match seq.next_element::<IgnoredAny>()? {
                    None => Ok(List(list)),
                    Some(_) => Err(trace.fail(Code::TooLong, format_args!("more than {MAX} entries"))),
                }
            }
        }
        deserializer.deserialize_seq(Entries::<T, MAX>(Seed::new(trace)))
    }
}
