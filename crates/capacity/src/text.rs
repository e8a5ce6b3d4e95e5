//! Numbers as readers want them: four digits that count, no exponent for what a plan talks about.

/// `value` with four significant digits, without trailing zeros; tiny and huge ones with an exponent.
#[must_use]
pub fn number(value: f64) -> String {
    let size = value.abs();
    if value == 0.0 || !value.is_finite() {
        return format!("{value}");
    }
    if !(1e-4..1e15).contains(&size) {
        return format!("{value:.3e}");
    }
    if size >= 1000.0 {
        return format!("{value:.0}");
    }
    let decimals = (3 - size.log10().floor() as i32).clamp(0, 8) as usize;
    let text = format!("{value:.decimals$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

/// A share as percent: 0.051 is "5.1 %".
#[must_use]
pub fn percent(share: f64) -> String {
    format!("{} %", number((share * 1e4).round() / 100.0))
}

/// A percentile's name by its share: 0.999 is "p99.9". With all of its digits: p99.999 is not p100.
#[must_use]
pub fn percentile(share: f64) -> String {
    format!("p{}", (share * 1e10).round() / 1e8)
}

/// Seconds in the unit that suits them.
#[must_use]
pub fn seconds(value: f64) -> String {
    let size = value.abs();
    if size >= 1.0 || value == 0.0 {
        format!("{} s", number(value))
    } else if size >= 1e-3 {
        format!("{} ms", number(value * 1e3))
    } else {
        format!("{} µs", number(value * 1e6))
    }
}

/// Bytes in the binary unit that suits them.
#[must_use]
pub fn bytes(value: f64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = value;
    let mut unit = 0;
    while value.abs() >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{} {}", number(value), UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_four_digits() {
        let shown = [0.0, 0.5, 10.0, 1884.2, 0.027_728_5, 1.044e-4, 99.999, 1e-6].map(number);
        assert_eq!(
            shown,
            [
                "0",
                "0.5",
                "10",
                "1884",
                "0.02773",
                "0.0001044",
                "100",
                "1.000e-6"
            ]
        );
        assert_eq!(percent(0.051), "5.1 %");
        assert_eq!(seconds(0.3), "300 ms");
        assert_eq!(seconds(2.5), "2.5 s");
        assert_eq!(seconds(2e-5), "20 µs");
        assert_eq!(bytes(1536.0 * 1024.0), "1.5 MiB");
    }
}
