//! The transaction of an order.

use std::collections::HashMap;

use deadpool_postgres::{GenericClient, Object, Transaction};
use ring::digest;
use tokio_postgres::Row;

use crate::Error;
use crate::cart::postgres::take;
use crate::changes::{notify, tags};
use crate::model::{Address, Availability, Order, OrderLine, OrderSummary, ProductId, Status};
use crate::money::Cents;
use crate::orders;
use crate::rows::{Parameters, execute, row, rows};
use crate::session::SessionId;

/// An order that somebody wants to place.
pub(super) struct Wish<'a> {
    pub(super) customer: i64,
    pub(super) session: &'a SessionId,
    pub(super) key: &'a str,
    /// What the client sent, as a hash.
    pub(super) content: Vec<u8>,
    pub(super) address: &'a Address,
}

/// What became of it.
pub(super) struct Outcome {
    pub(super) order: Order,
    /// The name of the basket in Redis that was ordered.
    pub(super) basket: Option<String>,
    /// Whether it was placed now, and not before.
    pub(super) is_new: bool,
}

impl Outcome {
    const fn again(order: Order, basket: Option<String>) -> Self {
        Self {
            order,
            basket,
            is_new: false,
        }
    }
}

/// Products and how many of each.
type Lines = [(ProductId, i32)];

/// Places the order. The basket is in tables, or was read from Redis: its name and what is in it.
pub(super) async fn order(
    client: &mut Object,
    wish: &Wish<'_>,
    basket: Option<(&str, &Lines)>,
) -> Result<Outcome, Error> {
    let transaction = client.transaction().await?;
    claim(&transaction, wish).await?;
    if let Some(before) = placed_before(&transaction, wish).await? {
        return Ok(before);
    }
    let (name, wanted) = match basket {
        Some((name, lines)) => (Some(name), lines.to_vec()),
        None => (None, take(&transaction, wish.session).await?),
    };
    if wanted.is_empty() {
        return Err(Error::EmptyCart);
    }
    let goods = take_stock(&transaction, &wanted).await?;
    let lines = wanted.iter().map(|(product, quantity)| OrderLine {
        product: *product,
        title: goods[product].title.clone(),
        quantity: *quantity,
        price: goods[product].price,
    });
    let lines: Vec<OrderLine> = lines.collect();
    let Some(order) = write(&transaction, wish, name, lines).await? else {
        transaction.rollback().await?;
        return ordered_basket(client, wish, name).await;
    };
    notify(&transaction, &changed(&wanted, &goods)).await?;
    transaction.commit().await?;
    Ok(Outcome {
        order,
        basket: name.map(str::to_owned),
        is_new: true,
    })
}

/// Waits for whoever has the same key, and has it until the transaction ends. By a lock on a number: there is no row yet to lock. Two keys
/// with one number only wait for each other.
async fn claim(transaction: &Transaction<'_>, wish: &Wish<'_>) -> Result<(), Error> {
    let name = format!("order {} {}", wish.customer, wish.key);
    let hash = digest::digest(&digest::SHA256, name.as_bytes());
    let (number, _) = hash
        .as_ref()
        .split_first_chunk()
        .expect("SHA-256 has 32 bytes");
    let number = i64::from_be_bytes(*number);
    row(transaction, "SELECT pg_advisory_xact_lock($1)", &[&number]).await?;
    Ok(())
}

/// The order that was placed with this key.
///
/// # Errors
/// [`Error::KeyReused`] if something else was.
pub(super) async fn placed_before(
    client: &impl GenericClient,
    wish: &Wish<'_>,
) -> Result<Option<Outcome>, Error> {
    let sql = "SELECT number, content_hash, basket FROM orders WHERE customer_id = $1 AND idempotency_key = $2";
    let Some(found) = row(client, sql, &[&wish.customer, &wish.key]).await? else {
        return Ok(None);
    };
    if found.get::<_, &[u8]>(1) != wish.content {
        return Err(Error::KeyReused);
    }
    let order = orders::find(client, wish.customer, found.get(0)).await?;
    Ok(order.map(|order| Outcome::again(order, found.get(2))))
}

/// The order that was placed of a basket in Redis which was not emptied after it.
async fn ordered_basket(
    client: &impl GenericClient,
    wish: &Wish<'_>,
    basket: Option<&str>,
) -> Result<Outcome, Error> {
    let sql = "SELECT number FROM orders WHERE basket = $1 AND customer_id = $2";
    let found = row(client, sql, &[&basket, &wish.customer]).await?;
    // Of somebody who was logged in here before: what they ordered is not in the basket any more.
    let number: String = found.ok_or(Error::EmptyCart)?.get(0);
    let order = orders::find(client, wish.customer, &number).await?;
    let order = order.ok_or(Error::EmptyCart)?;
    Ok(Outcome::again(order, basket.map(str::to_owned)))
}

/// A product, and how many there were before some were taken.
struct Goods {
    title: String,
    price: Cents,
    available: i32,
}

/// Takes what is wanted out of the stock.
///
/// # Errors
/// [`Error::SoldOut`] with everything of which there is not enough.
async fn take_stock(
    transaction: &Transaction<'_>,
    wanted: &Lines,
) -> Result<HashMap<ProductId, Goods>, Error> {
    // Locked one after the other, as they are sorted: the lock comes after the sort. What is read is what the lock's last holder left.
    const LOCK: &str = "SELECT s.product_id, p.title, p.price, s.available
        FROM stock s JOIN products p ON p.id = s.product_id
        WHERE s.product_id = ANY ($1) ORDER BY s.product_id FOR UPDATE OF s";
    const TAKE: &str = "UPDATE stock s SET available = s.available - w.quantity
        FROM unnest($1::integer[], $2::integer[]) AS w (product_id, quantity)
        WHERE s.product_id = w.product_id AND s.available >= w.quantity";
    let (products, quantities): (Vec<ProductId>, Vec<i32>) = wanted.iter().copied().unzip();
    let found = rows(transaction, LOCK, &[&products]).await?;
    let goods = |row: &Row| {
        let goods = Goods {
            title: row.get(1),
            price: Cents(row.get(2)),
            available: row.get(3),
        };
        (row.get(0), goods)
    };
    let goods: HashMap<ProductId, Goods> = found.iter().map(goods).collect();
    let is_short = |(product, quantity): &&(ProductId, i32)| {
        goods
            .get(product)
            .is_none_or(|goods| goods.available < *quantity)
    };
    let short: Vec<ProductId> = wanted
        .iter()
        .filter(is_short)
        .map(|(product, _)| *product)
        .collect();
    if !short.is_empty() {
        return Err(Error::SoldOut(short));
    }
    let taken = execute(transaction, TAKE, &[&products, &quantities]).await?;
    match usize::try_from(taken).is_ok_and(|taken| taken == wanted.len()) {
        true => Ok(goods),
        // The rows are locked: only a rule or trigger of somebody else's can do that.
        false => Err(Error::Broken(format!(
            "{taken} of {} products were taken",
            wanted.len()
        ))),
    }
}

/// An order with all that belongs to it; no row if its basket was ordered before.
const WRITE: &str = "WITH placed AS (
        INSERT INTO orders (number, customer_id, idempotency_key, content_hash, basket, status, total,
                            name, street, postcode, city, country)
        VALUES ($1, $2, $3, $4, $5, 'paid', $6, $7, $8, $9, $10, $11)
        ON CONFLICT DO NOTHING RETURNING id, placed),
    lines AS (
        INSERT INTO order_lines (order_id, place, product_id, quantity, price)
        SELECT placed.id, line.place, line.product_id, line.quantity, line.price
        FROM placed, unnest($12::integer[], $13::integer[], $14::bigint[])
            WITH ORDINALITY AS line (product_id, quantity, price, place)),
    payment AS (
        INSERT INTO payments (order_id, amount, method) SELECT id, $6, 'account' FROM placed),
    event AS (
        INSERT INTO outbox (kind, order_id) SELECT 'order.created', id FROM placed)
    SELECT placed FROM placed";

/// Writes the order with all that belongs to it; `None` if this basket was ordered before.
async fn write(
    transaction: &Transaction<'_>,
    wish: &Wish<'_>,
    basket: Option<&str>,
    lines: Vec<OrderLine>,
) -> Result<Option<Order>, Error> {
    let number = order_number()?;
    let total: i64 = lines
        .iter()
        .map(|line| line.price.0 * i64::from(line.quantity))
        .sum();
    let products: Vec<ProductId> = lines.iter().map(|line| line.product).collect();
    let quantities: Vec<i32> = lines.iter().map(|line| line.quantity).collect();
    let prices: Vec<i64> = lines.iter().map(|line| line.price.0).collect();
    let Address {
        name,
        street,
        postcode,
        city,
        country,
    } = wish.address;
    let parameters: Parameters<'_> = &[
        &number,
        &wish.customer,
        &wish.key,
        &wish.content,
        &basket,
        &total,
        name,
        street,
        postcode,
        city,
        country,
        &products,
        &quantities,
        &prices,
    ];
    let written = row(transaction, WRITE, parameters).await?;
    Ok(written.map(|written| Order {
        summary: OrderSummary {
            number,
            placed: written.get(0),
            total: Cents(total),
            status: Status::Paid,
            count: quantities.iter().map(|quantity| i64::from(*quantity)).sum(),
        },
        address: wish.address.clone(),
        lines,
    }))
}

/// Tags of products of which there are visibly fewer now.
fn changed(wanted: &Lines, goods: &HashMap<ProductId, Goods>) -> Vec<String> {
    let is_changed = |(product, quantity): &&(ProductId, i32)| {
        let before = goods[product].available;
        Availability::of(before) != Availability::of(before - quantity)
    };
    let changed = wanted.iter().filter(is_changed);
    changed
        .map(|(product, _)| tags::product(*product))
        .collect()
}

/// A number for people: `7KQ2-M9XD-04TB`, 60 random bits in Crockford's base 32, which has no letters that look like digits.
fn order_number() -> Result<String, Error> {
    const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let random = crate::random::bytes::<12>()?;
    let digits: Vec<char> = random
        .iter()
        .map(|byte| char::from(DIGITS[usize::from(byte % 32)]))
        .collect();
    let groups: Vec<String> = digits
        .chunks(4)
        .map(|group| group.iter().collect())
        .collect();
    Ok(groups.join("-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_numbers_are_for_people_and_differ() {
        let numbers: std::collections::HashSet<String> = (0..1000)
            .map(|_| order_number().expect("random numbers"))
            .collect();
        assert_eq!(numbers.len(), 1000);
        for number in &numbers {
            assert_eq!(number.len(), 14);
            assert!(!number.contains(['I', 'L', 'O', 'U']), "{number}");
        }
    }
}
