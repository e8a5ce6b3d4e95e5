//! Latencies: three significant digits from a microsecond to an hour, which add up exactly.

use std::fmt;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use hdrhistogram::Histogram as Hdr;
use hdrhistogram::serialization::{
    Deserializer as Reads, Serializer as Writes, V2DeflateSerializer,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The longest time that can be told from longer ones.
pub const LONGEST: Duration = Duration::from_secs(3600);

/// Most times that are believed: up to here whole numbers are exact as `f64`, and sums of thousands of histograms stay within 64 bits.
const MOST: u64 = 1 << 53;

/// Microseconds up to which there is room at first: most services answer within it, and an hour of seconds has 3600 histograms.
const FIRST: u64 = 16_384;

/// A histogram of times (HdrHistogram, G. Tene): microseconds with three significant digits, up to [`LONGEST`].
///
/// In JSON it is the base64 of the format V2 with deflate, which other tools of the family read as well.
#[derive(Clone, PartialEq)]
pub struct Histogram(Hdr<u64>);

impl Default for Histogram {
    fn default() -> Self {
        let mut hdr =
            Hdr::new_with_bounds(1, FIRST, 3).expect("bounds that its documentation allows");
        hdr.auto(true);
        Self(hdr)
    }
}

impl Histogram {
    /// Counts a time.
    #[inline]
    pub fn record(&mut self, time: Duration) {
        let micros = time.min(LONGEST).as_nanos().div_ceil(1000);
        // An hour in microseconds fits in.
        self.0.record(micros as u64).expect("it grows by itself");
    }

    /// Adds all of another one.
    pub fn add(&mut self, other: &Self) {
        self.0.add(&other.0).expect("it grows by itself");
    }

    /// Forgets everything, and keeps its memory.
    pub fn clear(&mut self) {
        self.0.reset();
    }

    /// How many times were counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// The time that a share of all does not exceed, 0 to 1; `None` if nothing was counted.
    #[must_use]
    pub fn quantile(&self, share: f64) -> Option<Duration> {
        (self.count() > 0).then(|| Duration::from_micros(self.0.value_at_quantile(share)))
    }

    /// The longest, up to three digits.
    #[must_use]
    pub fn max(&self) -> Option<Duration> {
        (self.count() > 0).then(|| Duration::from_micros(self.0.max()))
    }

    /// The shortest.
    #[must_use]
    pub fn min(&self) -> Option<Duration> {
        (self.count() > 0).then(|| Duration::from_micros(self.0.min()))
    }

    /// The mean.
    #[must_use]
    pub fn mean(&self) -> Option<Duration> {
        (self.count() > 0).then(|| Duration::from_secs_f64(self.0.mean() / 1e6))
    }

    /// How many were not longer than `time`, as far as three digits tell.
    #[must_use]
    pub fn count_up_to(&self, time: Duration) -> u64 {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.0
            .iter_recorded()
            .take_while(|it| it.value_iterated_to() <= self.0.highest_equivalent(micros))
            .map(|it| it.count_at_value())
            .sum()
    }

    /// The histogram itself, for iterating over it.
    #[must_use]
    pub fn hdr(&self) -> &Hdr<u64> {
        &self.0
    }
}

impl fmt::Debug for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (count, min, max) = (self.count(), self.min(), self.max());
        write!(f, "Histogram({count} from {min:?} to {max:?})")
    }
}

impl Serialize for Histogram {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut bytes = Vec::new();
        V2DeflateSerializer::new()
            .serialize(&self.0, &mut bytes)
            .map_err(|error| serde::ser::Error::custom(format!("{error:?}")))?;
        serializer.serialize_str(&BASE64.encode(bytes))
    }
}

impl<'de> Deserialize<'de> for Histogram {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        let bytes = BASE64
            .decode(text.as_bytes())
            .map_err(|error| D::Error::custom(format!("a histogram is no base64: {error}")))?;
        let mut hdr: Hdr<u64> = Reads::new()
            .deserialize(&mut bytes.as_slice())
            .map_err(|error| D::Error::custom(format!("a histogram cannot be read: {error:?}")))?;
        if hdr.sigfig() != 3 || hdr.low() != 1 {
            return Err(D::Error::custom(
                "a histogram of other than microseconds with three digits",
            ));
        }
        // The library adds counts up without a look, and would go wrong where they overflow.
        let counts = hdr.iter_recorded().map(|one| one.count_at_value());
        if counts.fold(0, u64::saturating_add) > MOST {
            return Err(D::Error::custom("a histogram of more times than can be"));
        }
        hdr.auto(true);
        Ok(Self(hdr))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn through_json_and_back_and_added() {
        let mut one = Histogram::default();
        let mut two = Histogram::default();
        for micros in 1..=1000 {
            one.record(Duration::from_micros(micros));
            two.record(Duration::from_millis(micros * 300));
        }
        let json = serde_json::to_string(&two).expect("JSON");
        let mut back: Histogram = serde_json::from_str(&json).expect("what was written");
        assert_eq!(back.count(), 1000);
        back.add(&one);
        assert_eq!(back.count(), 2000);
        assert_eq!(back.min(), Some(Duration::from_micros(1)));
        let max = back.max().expect("some").as_secs_f64();
        assert!((max / 300.0 - 1.0).abs() < 0.001, "{max}");
        assert_eq!(back.quantile(0.5), Some(Duration::from_micros(1000)));
        assert_eq!(back.count_up_to(Duration::from_micros(500)), 500);
    }

    #[test]
    fn nothing_is_no_time() {
        let none = Histogram::default();
        assert_eq!(
            (none.quantile(0.5), none.max(), none.mean()),
            (None, None, None)
        );
    }

    /// More requests than 2^53 nobody has made: sums of such counts would overflow.
    #[test]
    fn counts_that_cannot_be_are_refused() {
        let mut hdr = Hdr::<u64>::new_with_bounds(1, FIRST, 3).expect("bounds");
        for micros in [1, 100, 10_000] {
            hdr.record_n(micros, i64::MAX as u64).expect("it fits");
        }
        let text = serde_json::to_string(&Histogram(hdr)).expect("JSON");
        assert!(serde_json::from_str::<Histogram>(&text).is_err());
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["\"\"", "\"%%\"", "\"AAAA\"", "7"] {
            assert!(serde_json::from_str::<Histogram>(text).is_err(), "{text}");
        }
    }
}
