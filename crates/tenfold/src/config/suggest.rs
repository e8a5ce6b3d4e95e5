//! "Did you mean …?"

/// The one of `known` that `word` is most likely meant to be, if any is close.
pub(crate) fn closest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    // A name of this length is not a slip of the pen, and comparing takes the product of both lengths.
    if word.len() > 64 {
        return None;
    }
    let word = word.to_lowercase().replace('-', "_");
    let scored = known
        .into_iter()
        .filter(|name| name.len() <= 64)
        .map(|name| {
            let plain = name.to_lowercase().replace('-', "_");
            // Jaro-Winkler forgives more in long words, and weighs the beginning, which people get right.
            (strsim::jaro_winkler(&word, &plain), name)
        });
    scored
        .filter(|(score, _)| *score >= 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

/// A help: the closest name, or all of them.
pub(crate) fn help(word: &str, known: &[&str], what: &str) -> String {
    if let Some(name) = closest(word, known.iter().copied()) {
        return format!("did you mean `{name}`?");
    }
    match known {
        [] => format!("there is no {what} yet"),
        [only] => format!("the only {what} is `{only}`"),
        // So many that reading them would not help.
        _ if known.len() > 40 => format!("none of the {} is close to it", known.len()),
        _ => {
            let names: Vec<_> = known.iter().map(|name| format!("`{name}`")).collect();
            format!("there are: {}", names.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_recognised_and_strangers_are_not() {
        let known = ["upstream", "redirect", "respond", "files", "max_body"];
        for (word, meant) in [
            ("uptream", Some("upstream")),
            ("upstreams", Some("upstream")),
            ("redirct", Some("redirect")),
            ("max-body", Some("max_body")),
            ("file", Some("files")),
            ("colour", None),
            ("", None),
        ] {
            assert_eq!(closest(word, known), meant, "{word}");
        }
        assert_eq!(closest(&"u".repeat(100_000), known), None);
    }
}
