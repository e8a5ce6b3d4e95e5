//! Changes before the peak, which are planned beside the rest.

use std::str::FromStr;

use tenfold_capacity::plan::WhatIf;
use tenfold_capacity::text::{number, percent};

use super::{PLAIN, SHARES, shown, value};

/// A change before the peak: `cache=70%`, `query=60%/3` (60 % of the response time, three times as fast), or both with a comma.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::command::plan) struct Change {
    pub(in crate::command::plan) name: String,
    pub(in crate::command::plan) what_if: WhatIf,
}

impl FromStr for Change {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let hint = "a change is cache=70% or query=60%/3 (60 % of the response time, 3 times as fast), or both with a comma";
        let mut what_if = WhatIf::default();
        let mut names = Vec::new();
        for part in text.split(',') {
            match part.trim().split_once('=') {
                Some(("cache", rate)) => {
                    what_if.cache_hit_rate = value(rate, SHARES, hint)?;
                    names.push(format!(
                        "a cache that answers {}",
                        shown(what_if.cache_hit_rate, percent)
                    ));
                }
                Some(("query", query)) => {
                    let (share, faster) = query.split_once('/').ok_or(hint)?;
                    what_if.query_share = value(share, SHARES, hint)?;
                    what_if.query_faster = value(faster, PLAIN, hint)?;
                    names.push(format!(
                        "the query ({} of the time) {} times as fast",
                        shown(what_if.query_share, percent),
                        shown(what_if.query_faster, number)
                    ));
                }
                _ => return Err(hint.into()),
            }
        }
        Ok(Self {
            name: names.join(", and "),
            what_if,
        })
    }
}

#[cfg(test)]
mod tests {
    use tenfold_capacity::plan::Value;

    use super::*;

    #[test]
    fn changes_have_names() {
        let change: Change = "cache=60%..75%,query=60%/3".parse().expect("one");
        assert_eq!(
            change.name,
            "a cache that answers 60 % to 75 %, and the query (60 % of the time) 3 times as fast"
        );
        assert_eq!(change.what_if.query_faster, Value::Exact(3.0));
        for bad in ["", "cache", "cache=x", "query=60%", "disk=2"] {
            assert!(bad.parse::<Change>().is_err(), "{bad}");
        }
    }
}
