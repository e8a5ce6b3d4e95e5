//! Text in HTML.

use crate::report::text::clean;

/// Text from elsewhere, shortened if it is endless, in which nothing is markup, neither between tags nor within a quoted attribute.
#[must_use]
pub fn escape(text: &str) -> String {
    own(&clean(text))
}

/// The same of text that is ours, which has the length that it needs.
#[must_use]
pub fn own(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}
