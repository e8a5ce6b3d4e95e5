//! The shop's categories, which visitors choose from.

use std::net::SocketAddr;

use serde_json::Value;

use super::visitor::{Visitor, block_on};
use crate::command::Refusal;

/// Asks the shop for their names in addresses.
pub(super) fn ask(shop: SocketAddr) -> Result<Vec<String>, Refusal> {
    let mut visitor = Visitor::new(shop);
    let asked = block_on(visitor.get("/api/v1/categories"))?;
    let wrong = |why: String| {
        Refusal::new(
            format!("the shop does not tell its categories: {why}"),
            "give a shop that belongs to this version (--shop)",
        )
    };
    let page = asked.map_err(wrong)?;
    let found = slugs(&page.body);
    match found.is_empty() {
        true => Err(wrong(format!("status {}", page.status))),
        false => Ok(found),
    }
}

/// Every `"slug": "teapots"`, wherever in the answer it is.
fn slugs(json: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    collect(
        &serde_json::from_slice(json).unwrap_or_default(),
        &mut found,
    );
    // They go into a file of values and into addresses.
    found.retain(|slug| {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        !slug.is_empty() && slug.bytes().all(is_plain)
    });
    found
}

fn collect(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            if let Some(slug) = fields.get("slug").and_then(Value::as_str) {
                into.push(slug.to_owned());
            }
            fields.values().for_each(|value| collect(value, into));
        }
        Value::Array(values) => values.iter().for_each(|value| collect(value, into)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn categories_are_found_wherever_they_are() {
        let json = br#"{"categories":[{"slug":"teapots","name":"Teapots"},{"slug":"a\"b"},{"slug":"lamps-2"}]}"#;
        assert_eq!(slugs(json), ["teapots", "lamps-2"]);
        assert_eq!(slugs(br#"[{"slug":"x"}]"#), ["x"]);
        assert!(slugs(b"<html>").is_empty());
    }
}
