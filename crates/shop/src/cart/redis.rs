//! Baskets in Redis: a hash for each session, which ends with it.
//!
//! `shop:cart:SESSION`: for each product when it was put in (milliseconds) and how many, `1763700000000:2`; and `basket`, a random name. An order is placed in
//! Postgres, and the basket emptied in Redis after that: two stores, between which a process may die. So an order takes note of the basket's name
//! (unique), and a basket gets a new one when it was ordered: what is in one basket is ordered once, whatever happens in between.

use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};

use redis::Script;

use super::{Change, ended, full};
use crate::Error;
use crate::model::{Cart, ProductId};
use crate::redis_link::RedisLink;
use crate::session::{self, SessionId, key};

static CHANGE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("change.lua")));
static SETTLE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("settle.lua")));

/// What is in a basket.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    /// Its name; none if nothing is in it.
    pub(crate) basket: Option<String>,
    /// Products and how many of each, in the order in which they were put in.
    pub(crate) lines: Vec<(ProductId, i32)>,
}

pub(crate) async fn contents(link: &RedisLink, session: &SessionId) -> Result<Contents, Error> {
    let mut ask = redis::pipe();
    ask.hgetall(key("cart", session));
    let (fields,): (Vec<(String, String)>,) = link.pipe(&ask, RedisLink::LIMIT).await?;
    let mut basket = None;
    let mut lines = Vec::new();
    for (name, value) in fields {
        match (name.parse::<ProductId>(), value.split_once(':')) {
            (Ok(product), Some((added, quantity))) => {
                let read = |text: &str| text.parse::<i64>().map_err(|_| unreadable(&value));
                let quantity = i32::try_from(read(quantity)?).map_err(|_| unreadable(&value))?;
                lines.push((read(added)?, product, quantity));
            }
            _ if name == "basket" => basket = Some(value),
            _ => return Err(unreadable(&name)),
        }
    }
    lines.sort_unstable();
    Ok(Contents {
        basket,
        lines: lines
            .into_iter()
            .map(|(_, product, quantity)| (product, quantity))
            .collect(),
    })
}

/// Changes a basket, and says how many things are in it now.
pub(super) async fn change(
    link: &RedisLink,
    session: &SessionId,
    product: ProductId,
    change: Change,
) -> Result<i32, Error> {
    let (how, quantity) = match change {
        Change::Add(more) => ("add", more),
        Change::Set(quantity) => ("set", quantity),
    };
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let mut change = CHANGE.key(key("session", session));
    change.key(key("cart", session));
    change.arg(product).arg(quantity).arg(how);
    change.arg(Cart::MOST_OF_ONE).arg(Cart::MOST_LINES);
    change
        .arg(now.as_millis() as u64)
        .arg(session::random()?)
        .arg(session::LIFETIME);
    match link.script(&change).await? {
        -1 => Err(ended()),
        -2 => Err(full()),
        count => Ok(count),
    }
}

/// Takes out what was ordered under this name, unless that has been done.
pub(crate) async fn settle(
    link: &RedisLink,
    session: &SessionId,
    basket: &str,
    ordered: &[(ProductId, i32)],
) -> Result<(), Error> {
    let mut settle = SETTLE.key(key("cart", session));
    settle.arg(basket).arg(session::random()?);
    for (product, quantity) in ordered {
        settle.arg(*product).arg(*quantity);
    }
    link.script(&settle).await
}

fn unreadable(what: &str) -> Error {
    Error::Broken(format!(
        "a basket in Redis has {what:?}, which is not the shop's"
    ))
}
