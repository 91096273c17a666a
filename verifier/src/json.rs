//! Strict JSON: an object in which no name appears twice, at any depth.

use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// Why bytes are no object that all readers understand alike.
pub(crate) enum JsonError {
    NotAnObject,
    Duplicate(String),
}

/// Reads an object, refusing names that appear twice.
///
/// `serde_json` keeps the last of two members of one name while others keep the first, so a signature over
/// both would mean different things to different readers. A separate walk finds them, because only the
/// parser's own `Value` reads numbers correctly under every combination of its features.
pub(crate) fn object(bytes: &[u8]) -> Result<Map<String, Value>, JsonError> {
    let Ok(Value::Object(members)) = serde_json::from_slice(bytes) else {
        return Err(JsonError::NotAnObject);
    };
    let mut repeated = None;
    let walk = Distinct { repeated: &mut repeated };
    match walk.deserialize(&mut serde_json::Deserializer::from_slice(bytes)) {
        Ok(()) => Ok(members),
        Err(_) => Err(repeated.map_or(JsonError::NotAnObject, JsonError::Duplicate)),
    }
}

/// Which whole second stands for a fraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Round {
    /// The one before it.
    Down,
    /// The one after it.
    Up,
}

/// Reads a `NumericDate` in whole seconds: any JSON number between 0 and 2^53, beyond which JSON numbers are not
/// exact. Fractions and exponents are allowed.
///
/// Spec: RFC 7519 §2
pub(crate) fn seconds(value: &Value, round: Round) -> Option<i64> {
    const EXACT: i64 = 1 << 53;
    let number = value.as_number()?;
    if let Some(whole) = number.as_i64() {
        return (0..=EXACT).contains(&whole).then_some(whole);
    }
    #[expect(clippy::cast_precision_loss, reason = "a power of two")]
    let range = 0.0..=EXACT as f64;
    let exact = number.as_f64().filter(|seconds| range.contains(seconds))?;
    let whole = if round == Round::Down { exact.floor() } else { exact.ceil() };
    #[expect(clippy::cast_possible_truncation, reason = "whole and within the range just checked")]
    let whole = whole as i64;
    Some(whole)
}

/// Walks a JSON text without keeping it and stops at the first name seen twice in one object.
struct Distinct<'a> {
    repeated: &'a mut Option<String>,
}

impl<'de> DeserializeSeed<'de> for Distinct<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Distinct<'_> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("JSON without repeated names")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = HashSet::new();
        while let Some(name) = map.next_key::<String>()? {
            if let Some(name) = seen.replace(name) {
                *self.repeated = Some(name);
                return Err(A::Error::custom("repeated name"));
            }
            map.next_value_seed(Distinct { repeated: &mut *self.repeated })?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element_seed(Distinct { repeated: &mut *self.repeated })?.is_some() {}
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }
    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }
    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }
    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }
    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }
}
