//! The macro that makes a wire type: one list of fields gives the struct, its reader, its writer and its schema.

/// Makes a struct whose fields are all optional (`build` says which must be there), with a [`super::trace::Field`]
/// reader that accepts each field's aliases, refuses a field given twice, skips what it does not know and counts it.
macro_rules! wire_object {
    ($de:lifetime;
     $(#[$meta:meta])*
     struct $name:ident $(<$lt:lifetime>)? {
        $( $(#[$field_meta:meta])* $field:ident: $ty:ty = $wire:literal $(| $alias:literal)*, )*
     }
    ) => {
        #[derive(Debug, Default, serde::Serialize, schemars::JsonSchema)]
        $(#[$meta])*
        pub(super) struct $name $(<$lt>)? {
            $( $(#[$field_meta])*
               #[serde(rename = $wire, skip_serializing_if = "Option::is_none")]
               pub(super) $field: Option<$ty>, )*
        }

        impl<$de> $name $(<$lt>)? {
            /// Reads the fields that are left in `map`.
            pub(super) fn read_map<A: serde::de::MapAccess<$de>>(
                map: &mut A,
                trace: &mut crate::codec::trace::Trace,
            ) -> Result<Self, A::Error> {
                let mut object = Self::default();
                while let Some(crate::codec::scalar::AnyText(key)) = map.next_key()? {
                    let read = match key.as_ref() {
                        $( $wire $(| $alias)* => crate::codec::object::once(map, trace, &mut object.$field), )*
                        _ => {
                            trace.unknown += 1;
                            map.next_value::<serde::de::IgnoredAny>().map(|_| ())
                        }
                    };
                    if let Err(error) = read {
                        trace.inside(&key);
                        return Err(error);
                    }
                }
                Ok(object)
            }
        }

        impl<$de> crate::codec::trace::Field<$de> for $name $(<$lt>)? {
            fn read<D: serde::Deserializer<$de>>(
                deserializer: D,
                trace: &mut crate::codec::trace::Trace,
            ) -> Result<Self, D::Error> {
                struct Object<'t>(&'t mut crate::codec::trace::Trace);
                impl<$de> serde::de::Visitor<$de> for Object<'_> {
                    type Value = $name $(<$lt>)?;
                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("an object")
                    }
                    fn visit_map<A: serde::de::MapAccess<$de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                        $name::read_map(&mut map, self.0)
                    }
                }
                deserializer.deserialize_map(Object(trace))
            }
        }
    };
}
pub(super) use wire_object;

use super::trace::{Field, Seed, Trace};
use crate::event::Code;
use serde::de::MapAccess;

/// Reads a field's value into its place, unless the place is taken.
pub(super) fn once<'de, T: Field<'de>, A: MapAccess<'de>>(
    map: &mut A,
    trace: &mut Trace,
    place: &mut Option<T>,
) -> Result<(), A::Error> {
    if place.is_some() {
        return Err(trace.fail(Code::MalformedJson, "the field, or another name of it, is given twice"));
    }
    *place = map.next_value_seed(Seed::<Option<T>>::new(trace))?;
    Ok(())
}
