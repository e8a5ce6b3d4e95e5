//! Sessions in Redis: a hash for each, which ends by itself. Who is logged in stands in it, so that a request need not ask the database.
//!
//! `shop:session:ID`: customer, name, mail (empty: nobody), seen (seconds since 1970). The basket is beside it, `shop:cart:ID`.

use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};

use redis::Script;

use super::{LIFETIME, SEEN_AGAIN, SessionId};
use crate::Error;
use crate::model::Customer;
use crate::redis_link::RedisLink;

static FIND: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("find.lua")));
static RENEW: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("renew.lua")));

/// Who is logged into a session, if there is one.
pub(super) async fn find(
    link: &RedisLink,
    id: &SessionId,
) -> Result<Option<Option<Customer>>, Error> {
    let mut find = FIND.key(key("session", id));
    find.key(key("cart", id));
    find.arg(seconds()).arg(SEEN_AGAIN).arg(LIFETIME);
    let found: Option<(String, String, String)> = link.script(&find).await?;
    let customer = |(customer, name, mail): (String, String, String)| {
        let id = customer.parse().ok()?;
        Some(Customer { id, name, mail })
    };
    Ok(found.map(customer))
}

pub(super) async fn end(link: &RedisLink, id: &SessionId) -> Result<(), Error> {
    let mut end = redis::pipe();
    end.del(&[key("session", id), key("cart", id)]).ignore();
    link.pipe(&end, RedisLink::LIMIT).await
}

/// Begins a session with the basket of an old one.
pub(super) async fn renew(
    link: &RedisLink,
    old: Option<&SessionId>,
    new: &SessionId,
    customer: Option<&Customer>,
) -> Result<(), Error> {
    // Without an old one: keys under which there is nothing.
    let old = old.unwrap_or(new);
    let mut renew = RENEW.key(key("session", old));
    renew.key(key("cart", old));
    renew.key(key("session", new)).key(key("cart", new));
    renew.arg(seconds()).arg(LIFETIME);
    match customer {
        Some(Customer { id, name, mail }) => renew.arg(*id).arg(name).arg(mail),
        None => renew.arg("").arg("").arg(""),
    };
    link.script(&renew).await
}

/// The name of something that belongs to a session.
pub(crate) fn key(kind: &str, id: &SessionId) -> String {
    use std::fmt::Write as _;
    let mut key = format!("shop:{kind}:");
    for byte in id {
        write!(key, "{byte:02x}").expect("a string takes everything");
    }
    key
}

/// A random name.
pub(crate) fn random() -> Result<String, Error> {
    Ok(format!(
        "{:032x}",
        u128::from_be_bytes(crate::random::bytes()?)
    ))
}

fn seconds() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_secs()
}
