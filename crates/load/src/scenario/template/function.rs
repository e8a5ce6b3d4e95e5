//! Functions of templates: `zipf(n, s)`, `random(a, b)`, `uuid()`, `now()`.

use super::{Source, TemplateError, shortened};
use crate::scenario::zipf::Zipf;

const ALL: &str = "there are zipf(n, s), random(a, b), uuid() and now()";

/// What is called, if it is a call.
pub(super) fn parse(text: &str) -> Option<Result<Source, TemplateError>> {
    let (name, rest) = text.split_once('(')?;
    let Some(arguments) = rest.strip_suffix(')') else {
        let message = format!("`{}` is not closed", shortened(text));
        return Some(Err(TemplateError::new(message, ALL)));
    };
    let arguments: Vec<_> = match arguments.trim() {
        "" => Vec::new(),
        arguments => arguments.split(',').map(str::trim).collect(),
    };
    let called = call(name.trim(), &arguments);
    let error = |help| TemplateError::new(format!("`{}` cannot be", shortened(text)), help);
    Some(called.map_err(error))
}

fn call(name: &str, arguments: &[&str]) -> Result<Source, String> {
    match (name, arguments) {
        ("zipf", [most, exponent]) => {
            let help = "zipf(n, s) takes two numbers, for example zipf(10000, 0.9)";
            let most = most.replace('_', "").parse().map_err(|_| help)?;
            let exponent = exponent.parse().map_err(|_| help)?;
            Zipf::new(most, exponent).map(Source::Zipf)
        }
        ("random", [from, to]) => {
            let help = "random(a, b) takes two whole numbers, for example random(1, 6)";
            let from: i64 = from.replace('_', "").parse().map_err(|_| help)?;
            let to: i64 = to.replace('_', "").parse().map_err(|_| help)?;
            match from <= to {
                true => Ok(Source::Random(from, to)),
                false => Err("the first number of random(a, b) is not above the second".into()),
            }
        }
        ("null", []) => Err("null() is null in JSON, as all of a text: \"${null()}\"".into()),
        ("uuid", []) => Ok(Source::Uuid),
        ("now", []) => Ok(Source::Now),
        ("zipf", _) => Err("write zipf(n, s): how many things there are, and the exponent".into()),
        ("random", _) => Err("write random(a, b): a whole number from a to b".into()),
        ("uuid" | "now", _) => Err(format!("{name}() takes nothing")),
        _ => Err(ALL.into()),
    }
}
