//! What is not true any more: told to every process and every cache in front of them.
//!
//! # The problem
//! A price is changed by one process, and kept by others and by the gateways in front of all of them. Whoever is told in the wrong order
//! is no help: a gateway that has forgotten a page gets it again from a process that has not.
//!
//! # The idea
//! The change notifies in its own transaction (`NOTIFY shop_changes, 'product-7'`), so that nobody hears of a change that is not there, nor misses one that is. Every
//! process hears it, forgets first and then purges the gateways: a page that a process made before it forgot is purged after, by itself. Whoever cannot hear
//! trusts nothing that it keeps, and forgets and purges everything when it hears again (`listen`).
//!
//! # The trade-off
//! Every process purges every gateway: processes × gateways requests for a change. Changes that show are rare: a price, and when the last few of a product
//! are left. `LISTEN` needs a connection of its own, and a direct one: not through a pooler that shares connections between transactions.

mod listen;
mod purge;

pub(crate) use listen::listen;
pub(crate) use purge::Purger;

use deadpool_postgres::GenericClient;

use crate::Error;
use crate::rows::row;

/// Where changes are told of.
pub(crate) const CHANNEL: &str = "shop_changes";
/// More tags at a time than this are not worth the requests: then everything is forgotten.
const MOST_TAGS: usize = 64;

/// What pages and what is kept in processes are called, to be forgotten by.
pub mod tags {
    use crate::model::ProductId;

    /// Everything.
    pub const SHOP: &str = "shop";
    /// Lists of new products.
    pub const LIST_NEW: &str = "list-new";
    /// Lists of what sells best.
    pub const LIST_BEST: &str = "list-best";

    /// Whatever shows a product.
    #[must_use]
    pub fn product(id: ProductId) -> String {
        format!("product-{id}")
    }

    /// Whatever belongs to a department.
    #[must_use]
    pub fn category(slug: &str) -> String {
        format!("category-{slug}")
    }
}

/// Tells of changes when the transaction is committed.
pub(crate) async fn notify(client: &impl GenericClient, tags: &[String]) -> Result<(), Error> {
    if !tags.is_empty() {
        let sql = "SELECT pg_notify($1, $2)";
        row(client, sql, &[&CHANNEL, &tags.join(" ")]).await?;
    }
    Ok(())
}

/// The tags of a message, each once; that of everything if there are too many, or if what was told is none.
fn collected(message: &str) -> Vec<String> {
    let is_tag = |tag: &str| tag.len() <= 100 && tag.bytes().all(|byte| byte.is_ascii_graphic());
    let mut tags: Vec<String> = Vec::new();
    for tag in message.split(' ') {
        if !is_tag(tag) || tag == tags::SHOP || tags.len() == MOST_TAGS {
            return vec![tags::SHOP.to_owned()];
        }
        if !tag.is_empty() && !tags.iter().any(|known| known == tag) {
            tags.push(tag.to_owned());
        }
    }
    tags
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_collected_once() {
        let of = |message: &str| collected(message).join(" ");
        assert_eq!(of("product-7 list-best product-7 "), "product-7 list-best");
        assert_eq!(of("product-7 shop"), "shop");
        assert_eq!(of("product-7 pröduct"), "shop");
        let many: Vec<String> = (0..100).map(tags::product).collect();
        assert_eq!(of(&many.join(" ")), "shop");
    }
}
