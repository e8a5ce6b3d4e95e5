//! Durations, sizes and names, from the source's words into ours.

/// The longest time that a configuration takes.
const LONGEST: u64 = 24 * 3600 * 1000;

/// A time in milliseconds as we write it; what is out of our bounds becomes the bound, and then the second is true.
pub(crate) fn time(milliseconds: u64) -> (String, bool) {
    let bounded = milliseconds.clamp(1, LONGEST);
    let text = match bounded {
        ms if ms % 3_600_000 == 0 => format!("{}h", ms / 3_600_000),
        ms if ms % 60_000 == 0 && ms >= 300_000 => format!("{}m", ms / 60_000),
        ms if ms % 1000 == 0 => format!("{}s", ms / 1000),
        ms => format!("{ms}ms"),
    };
    (text, bounded != milliseconds)
}

/// For how long something is kept, from seconds; what is longer than a cache counts becomes that.
pub(crate) fn lifetime(seconds: u64) -> String {
    // RFC 9111 section 1.2.2, in whole days.
    match seconds.min(24_855 * 86_400) {
        s if s > 0 && s % 86_400 == 0 => format!("{}d", s / 86_400),
        s if s > 0 && s % 3600 == 0 => format!("{}h", s / 3600),
        s if s > 0 && s % 60 == 0 => format!("{}m", s / 60),
        s => format!("{s}s"),
    }
}

/// A number of bytes as we write it.
pub(crate) fn size(bytes: u64) -> String {
    for (shift, unit) in [(40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")] {
        if bytes >= 1 << shift && bytes.is_multiple_of(1 << shift) {
            return format!("{}{unit}", bytes >> shift);
        }
    }
    bytes.to_string()
}

/// A name that upstreams, listeners and zones can have.
pub(crate) fn plain_name(text: &str) -> String {
    let is_good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let mut name: String = text
        .chars()
        .map(|c| if is_good(c) { c } else { '-' })
        .take(60)
        .collect();
    while !name.starts_with(|c: char| c.is_ascii_alphanumeric()) && !name.is_empty() {
        name.remove(0);
    }
    let name = name.trim_end_matches('-');
    match crate::config::word::plain_name(name) {
        Ok(name) => name,
        Err(_) => "unnamed".into(),
    }
}

/// A name that is not taken yet.
pub(crate) fn unique(name: &str, is_taken: impl Fn(&str) -> bool) -> String {
    let name = plain_name(name);
    if !is_taken(&name) {
        return name;
    }
    let mut number = 2_u32;
    loop {
        let numbered = format!("{name}-{number}");
        if !is_taken(&numbered) {
            return numbered;
        }
        number += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_ours() {
        assert_eq!(time(65_000), ("65s".into(), false));
        assert_eq!(time(300_000), ("5m".into(), false));
        assert_eq!(time(86_400_000), ("24h".into(), false));
        assert_eq!(time(0), ("1ms".into(), true));
        assert_eq!(time(u64::MAX), ("24h".into(), true));
        assert_eq!(size(1 << 20), "1MiB");
        assert_eq!(size(1000), "1000");
        assert_eq!(plain_name("~app server:80"), "app-server-80");
        assert_eq!(plain_name("---"), "unnamed");
        assert_eq!(unique("a", |name| name == "a"), "a-2");
        for bytes in [1, 1000, 1 << 10, 3 << 30] {
            assert_eq!(crate::config::value::size(&size(bytes)), Ok(bytes));
        }
    }
}
