//! Feeds in JSON.

use serde_json::{Map, Value};

use super::{FeedError, Rows};

const HELP: &str =
    "write a list of objects with the same keys: [{\"name\": \"a\"}, {\"name\": \"b\"}]";

pub(super) fn read(bytes: &[u8]) -> Result<Rows, FeedError> {
    let objects: Vec<Map<String, Value>> = serde_json::from_slice(bytes).map_err(|error| {
        let line = u64::try_from(error.line()).ok().filter(|line| *line > 0);
        let message = match error.classify() {
            serde_json::error::Category::Data => "it is no list of objects",
            _ => "it is no JSON",
        };
        FeedError::new(line, message, HELP)
    })?;
    let names = objects.first().map(|first| first.keys().cloned().collect());
    let names: Vec<String> = names.unwrap_or_default();
    if names.is_empty() {
        return Err(FeedError::new(None, "there are no rows", HELP));
    }
    let mut rows = Rows::named(names.clone(), Some(1))?;
    for (object, number) in objects.iter().zip(1..) {
        for name in &names {
            match object.get(name) {
                Some(Value::String(text)) => rows.push(text, false, number)?,
                Some(other) => rows.push(&other.to_string(), true, number)?,
                None => {
                    let shown = crate::scenario::template::shortened(name);
                    let message = format!("object {number} lacks `{shown}`, which the first has");
                    return Err(FeedError::new(None, message, HELP));
                }
            }
        }
    }
    rows.finished()
}
