//! Identifiers that follow a request through every system: `X-Request-Id` and `traceparent`.

/// Length of an identifier that we make, in hexadecimal digits (128 bits).
pub(crate) const ID_LEN: usize = 32;
/// Longest `X-Request-Id` that is passed on.
const LONGEST: usize = 128;

/// The lowest `LEN` hexadecimal digits of a number of 128 bits.
fn hex<const LEN: usize>(numbers: [u64; 2]) -> [u8; LEN] {
    let wide = (u128::from(numbers[0]) << 64) | u128::from(numbers[1]);
    std::array::from_fn(|at| b"0123456789abcdef"[(wide >> ((LEN - 1 - at) * 4)) as usize & 0xf])
}

/// A new request identifier. It is for finding things, not a secret.
pub(crate) fn request_id(random: [u64; 2]) -> [u8; ID_LEN] {
    hex(random)
}

/// A `traceparent` that starts a trace named by the request's identifier, not sampled: whoever records traces decides
/// (W3C Trace Context, section 3.2).
pub(crate) fn traceparent(trace_id: [u8; ID_LEN], random: u64) -> [u8; TRACEPARENT_LEN] {
    let mut value = *b"00-00000000000000000000000000000000-0000000000000000-00";
    value[3..35].copy_from_slice(&trace_id);
    // All zeros are invalid.
    value[36..52].copy_from_slice(&hex::<16>([0, random | 1]));
    value
}

/// `00-` 32 digits `-` 16 digits `-` 2 digits
const TRACEPARENT_LEN: usize = 55;

/// True for a `traceparent` that may be passed on: version 00 exactly, a higher version at least in its beginning
/// (W3C Trace Context, section 4.1).
pub(crate) fn is_traceparent(value: &[u8]) -> bool {
    let is_hex = |part: &[u8]| {
        part.iter()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    let is_zero = |part: &[u8]| part.iter().all(|byte| *byte == b'0');
    value.len() >= TRACEPARENT_LEN
        && (value.len() == TRACEPARENT_LEN || (value[55] == b'-' && !value.starts_with(b"00")))
        && value.len() <= LONGEST
        && [2, 35, 52].iter().all(|dash| value[*dash] == b'-')
        && [&value[..2], &value[3..35], &value[36..52], &value[53..55]]
            .into_iter()
            .all(is_hex)
        && !value.starts_with(b"ff")
        && !is_zero(&value[3..35])
        && !is_zero(&value[36..52])
}

/// True for an `X-Request-Id` that may be passed on: short, and harmless in any log.
pub(crate) fn is_request_id(value: &[u8]) -> bool {
    let is_safe = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:/+=@".contains(byte);
    !value.is_empty() && value.len() <= LONGEST && value.iter().all(is_safe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_we_make_is_what_we_pass_on() {
        let id = request_id([0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210]);
        assert_eq!(&id, b"0123456789abcdeffedcba9876543210");
        assert!(is_request_id(&id));
        let trace = traceparent(id, 0);
        assert_eq!(
            &trace[..],
            b"00-0123456789abcdeffedcba9876543210-0000000000000001-00"
        );
        assert!(is_traceparent(&trace));
    }

    #[test]
    fn malformed_identifiers_are_not_passed_on() {
        let good = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        assert!(is_traceparent(good));
        assert!(is_traceparent(
            b"cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what-follows"
        ));
        for bad in [
            &b""[..],
            b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            b"00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            b"ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            b"00-00000000000000000000000000000000-b7ad6b7169203331-01",
            b"00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            b"00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ] {
            assert!(!is_traceparent(bad), "{}", String::from_utf8_lossy(bad));
        }
        for bad in [&b""[..], b"a b", b"a\"b", b"<x>", &[b'a'; 129]] {
            assert!(!is_request_id(bad));
        }
    }
}
