//! How values become bytes for the lower levels.

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Turns values into bytes and back. Raise the namespace's version when its bytes change their meaning.
pub trait Codec<V>: Send + Sync + 'static {
    /// The bytes of a value.
    ///
    /// # Errors
    /// Why it has none; the value is then kept in memory only.
    fn encode(&self, value: &V) -> Result<Bytes, String>;

    /// The value of these bytes, which may have been written by another program.
    ///
    /// # Errors
    /// Why they are none; they are then treated as not there.
    fn decode(&self, bytes: Bytes) -> Result<V, String>;
}

/// Values that are bytes already.
#[derive(Debug, Clone, Copy, Default)]
pub struct Plain;

impl Codec<Bytes> for Plain {
    fn encode(&self, value: &Bytes) -> Result<Bytes, String> {
        Ok(value.clone())
    }

    fn decode(&self, bytes: Bytes) -> Result<Bytes, String> {
        // Out of the buffer that it arrived in, which may be much larger and would be held as long as the value.
        Ok(Bytes::copy_from_slice(&bytes))
    }
}

/// Any serde type, as MessagePack with the names of its fields, so that a field with a default can be added without
/// a new version.
#[derive(Debug, Clone, Copy, Default)]
pub struct MessagePack;

impl<V: Serialize + DeserializeOwned> Codec<V> for MessagePack {
    fn encode(&self, value: &V) -> Result<Bytes, String> {
        rmp_serde::to_vec_named(value)
            .map(Into::into)
            .map_err(|error| error.to_string())
    }

    fn decode(&self, bytes: Bytes) -> Result<V, String> {
        rmp_serde::from_slice(&bytes).map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_field_with_a_default_reads_what_was_written_without_it() {
        #[derive(serde::Serialize, serde::Deserialize)]
        struct Old {
            name: String,
        }
        #[derive(serde::Serialize, serde::Deserialize, Debug, PartialEq)]
        struct New {
            name: String,
            #[serde(default)]
            stock: u32,
        }
        let bytes = MessagePack.encode(&Old { name: "tea".into() }).unwrap();
        assert_eq!(
            Codec::<New>::decode(&MessagePack, bytes),
            Ok(New {
                name: "tea".into(),
                stock: 0
            })
        );
        assert!(Codec::<New>::decode(&MessagePack, Bytes::from_static(b"\xc1")).is_err());
    }
}
