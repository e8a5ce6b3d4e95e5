//! Selling: one transaction, and once, whatever is repeated.
//!
//! # The problem
//! A customer clicks twice; a gateway sends a request again whose answer was lost; thirty people want the last ten. Each order is to exist once, and no product to be sold
//! that is not there.
//!
//! # The idea
//! The client names the order with a key before it is placed (draft-ietf-httpapi-idempotency-key-header). Everything is one transaction (`place`):
//!
//! 1. the key is claimed: whoever comes with the same one waits until this one has ended;
//! 2. an order with this key is the answer, before anything else is looked at: the basket is empty the second time. What the key was used for
//!    is therefore compared by what the client sent, the address;
//! 3. the basket is taken, so that two tabs do not order the same one;
//! 4. stock is locked in the order of product numbers, so that two orders wait for each other and never in a circle, and taken where there is enough;
//! 5. order, lines, payment and event for the worker are written, at the prices of this moment; those are the ones that the answer shows (TPC-W charges
//!    them too).
//!
//! What fails before the commit has not happened, and the key is free again. Whether a commit whose answer was lost has happened is not known: the key finds out.
//!
//! # The trade-off
//! Rows of what sells best are locked for the second half of the transaction, so orders for one product come one after the other. Taking stock in pieces would sell
//! faster, and say "sold out" while there is some left.

mod place;

use std::time::Duration;

use ring::digest;

use crate::cart::redis::{Contents, contents, settle};
use crate::model::{Address, Order, Status};
use crate::redis_link::RedisLink;
use crate::session::Session;
use crate::{Error, Shop};

use place::{Outcome, Wish};

/// How often an order is tried again that a conflict of transactions ended.
const AGAIN: u32 = 2;
/// Characters of a line of an address.
const LINE: usize = 100;

/// What became of an order.
#[derive(Clone, Debug)]
pub enum Placed {
    /// It is placed now.
    New(Order),
    /// It was placed before, with the same key and content: as it was answered then ([`Shop::order`] says how it stands now).
    Again(Order),
}

impl Shop {
    /// Orders what is in the session's basket. `key` is the client's, 1 to 255 visible ASCII characters; the same key again gives the same order.
    ///
    /// # Errors
    /// [`Error::NotLoggedIn`], [`Error::EmptyCart`], [`Error::SoldOut`], [`Error::KeyReused`], [`Error::Invalid`].
    pub async fn check_out(
        &self,
        session: &Session,
        key: &str,
        address: &Address,
    ) -> Result<Placed, Error> {
        let customer = session.customer.as_ref().ok_or(Error::NotLoggedIn)?.id;
        let address = validated(key, address)?;
        let session = session.token.id();
        let wish = Wish {
            customer,
            session: &session,
            key,
            content: content_hash(&address),
            address: &address,
        };
        let mut tries = 0;
        let outcome = loop {
            match self.try_order(&wish).await {
                Err(error) if error.is_conflict() && tries < AGAIN => {
                    tries += 1;
                    let pause = Duration::from_millis(fastrand::u64(5..50));
                    tokio::time::sleep(pause).await;
                }
                outcome => break outcome?,
            }
        };
        let Outcome {
            mut order, is_new, ..
        } = outcome;
        if is_new {
            self.outbox.wake();
            return Ok(Placed::New(order));
        }
        order.summary.status = Status::Paid;
        Ok(Placed::Again(order))
    }

    async fn try_order(&self, wish: &Wish<'_>) -> Result<Outcome, Error> {
        let mut client = self.database.get().await?;
        let Some(link) = &self.redis else {
            return place::order(&mut client, wish, None).await;
        };
        // Not while it holds a connection: Redis may take its time.
        let before = place::placed_before(&client, wish).await?;
        drop(client);
        let outcome = match before {
            Some(before) => before,
            None => {
                let Contents { basket, lines } = contents(link, wish.session).await?;
                let basket = basket.ok_or(Error::EmptyCart)?;
                let mut client = self.database.get().await?;
                place::order(&mut client, wish, Some((&basket, &lines))).await?
            }
        };
        empty(link, wish, &outcome).await;
        Ok(outcome)
    }
}

/// Takes out of the basket what was ordered of it, also when the order was placed before: whoever placed it may have died in between. A basket with another
/// name is another one, and stays. The order is placed; a basket that cannot be emptied now is known by its name when it comes again.
async fn empty(link: &RedisLink, wish: &Wish<'_>, outcome: &Outcome) {
    let Some(basket) = &outcome.basket else {
        return;
    };
    let lines = outcome.order.lines.iter();
    let ordered: Vec<_> = lines.map(|line| (line.product, line.quantity)).collect();
    if let Err(error) = settle(link, wish.session, basket, &ordered).await {
        tracing::warn!(%error, "a basket that was ordered is still full");
    }
}

/// What the client sent, as a hash: the same key with something else is a mistake.
fn content_hash(address: &Address) -> Vec<u8> {
    let Address {
        name,
        street,
        postcode,
        city,
        country,
    } = address;
    let mut hash = digest::Context::new(&digest::SHA256);
    for field in [name, street, postcode, city, country] {
        // With their lengths, so that nothing can move from one field to the next.
        hash.update(&(field.len() as u64).to_be_bytes());
        hash.update(field.as_bytes());
    }
    hash.finish().as_ref().to_vec()
}

fn validated(key: &str, address: &Address) -> Result<Address, Error> {
    let mut wrong = Vec::new();
    let is_key = (1..=255).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_key {
        wrong.push((
            "key",
            "give 1 to 255 visible ASCII characters, such as a UUID".to_owned(),
        ));
    }
    let mut read = |name: &'static str, text: &str| {
        let text = text.trim();
        if text.is_empty() || text.chars().count() > LINE || text.contains(char::is_control) {
            wrong.push((name, format!("give 1 to {LINE} characters")));
        }
        text.to_owned()
    };
    let address = Address {
        name: read("name", &address.name),
        street: read("street", &address.street),
        postcode: read("postcode", &address.postcode),
        city: read("city", &address.city),
        country: read("country", &address.country),
    };
    match wrong.is_empty() {
        true => Ok(address),
        false => Err(Error::Invalid(wrong)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address() -> Address {
        let text = str::to_owned;
        Address {
            name: text("Ada"),
            street: text("1 Mill Lane"),
            postcode: text("12345"),
            city: text("Bath"),
            country: text("UK"),
        }
    }

    #[test]
    fn what_was_sent_is_compared_field_by_field() {
        let moved = Address {
            name: "Ada1".to_owned(),
            street: " Mill Lane".to_owned(),
            ..address()
        };
        assert_ne!(content_hash(&address()), content_hash(&moved));
        let spaced = Address {
            name: "  Ada ".to_owned(),
            ..address()
        };
        let spaced = validated("k", &spaced).expect("good");
        assert_eq!(content_hash(&address()), content_hash(&spaced));
    }

    #[test]
    fn what_cannot_be_is_refused_by_name() {
        for key in ["", " ", "a b", "ä", "a\0", &"k".repeat(256)] {
            assert!(validated(key, &address()).is_err(), "{key}");
        }
        let bad = Address {
            city: String::new(),
            street: "a\0b".to_owned(),
            name: "x".repeat(101),
            ..address()
        };
        let Err(Error::Invalid(fields)) = validated(&"k".repeat(255), &bad) else {
            panic!("refused")
        };
        let names: Vec<_> = fields.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["name", "street", "city"]);
    }
}
