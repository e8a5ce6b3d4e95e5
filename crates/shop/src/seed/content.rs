//! All rows of a seeded shop, table by table, in pieces that fit into memory.
//!
//! # The idea
//! A piece of orders goes to four tables; what they add up to is counted while they are made and written at the end, so that stock and the read model
//! agree with the orders by construction.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;

use super::departments::DEPARTMENTS;
use super::orders::Order;
use super::products::{self, Product, Products, Ware};
use super::random::Zipf;
use super::rows::Rows;
use super::{DAY, Size, customers, orders};

/// Products, customers or orders of a piece.
const PIECE: i64 = 5_000;

/// A table, and which of its columns are filled.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Table {
    /// Its name.
    pub(super) name: &'static str,
    /// Its columns, in the order of the rows.
    pub(super) columns: &'static str,
}

macro_rules! tables {
    ($($constant:ident = $name:literal ($columns:literal);)*) => {
        $(const $constant: Table = Table { name: $name, columns: $columns };)*
    };
}

tables! {
    CATEGORIES = "categories" ("id, slug, name");
    PRODUCTS = "products" ("id, category_id, title, maker, description, details, price, list_price, added");
    RELATED = "related_products" ("product_id, place, related_id");
    STOCK = "stock" ("product_id, available, received");
    CUSTOMERS = "customers" ("id, mail, name, password_hash, created");
    ORDERS = "orders" ("id, number, customer_id, idempotency_key, content_hash, placed, status, total, name, street, postcode, city, country");
    LINES = "order_lines" ("order_id, place, product_id, quantity, price");
    PAYMENTS = "payments" ("id, order_id, amount, method, paid");
    OUTBOX = "outbox" ("id, kind, order_id, created, due, done");
    SALES = "product_sales" ("product_id, category_id, sold, orders");
    COUNTS = "order_counts" ("day, orders, total");
}

/// Some rows of a table.
#[derive(Debug)]
pub(super) struct Piece {
    /// Which.
    pub(super) table: &'static Table,
    /// In the form of `COPY`, without its header and trailer.
    pub(super) rows: Bytes,
    /// For the progress: how many products, customers or orders are made by it.
    pub(super) things: u64,
}

/// What comes next.
#[derive(Clone, Copy, Debug)]
enum Next {
    Categories,
    /// From this one on.
    Products(i32),
    /// From this one on.
    Customers(i64),
    /// From this one on.
    Orders(i64),
    Sums,
    End,
}

/// All of it, piece by piece.
#[derive(Debug)]
pub(super) struct Content {
    size: Size,
    products: Products,
    /// Those that are made.
    wares: Vec<Ware>,
    zipf: Zipf,
    /// By product: pieces and orders.
    sold: Vec<(i64, i64)>,
    /// By day (its first second): orders and their total.
    days: BTreeMap<i64, (i64, i64)>,
    next: Next,
    ready: VecDeque<Piece>,
}

impl Content {
    /// Of a shop of this size.
    pub(super) fn new(size: Size) -> Self {
        let count = usize::try_from(size.products).unwrap_or(0);
        Self {
            size,
            products: Products::new(size),
            wares: Vec::with_capacity(count),
            zipf: Zipf::new(count),
            sold: vec![(0, 0); count],
            days: BTreeMap::new(),
            next: Next::Categories,
            ready: VecDeque::new(),
        }
    }

    fn put(&mut self, table: &'static Table, rows: &mut Rows, things: u64) {
        let rows = rows.take();
        if !rows.is_empty() {
            self.ready.push_back(Piece {
                table,
                rows,
                things,
            });
        }
    }

    fn categories(&mut self) {
        let mut rows = Rows::default();
        for (index, department) in DEPARTMENTS.iter().enumerate() {
            let row = rows.row(3).small(category_id(index));
            row.text(department.slug).text(department.name);
        }
        self.put(&CATEGORIES, &mut rows, 0);
    }

    fn products(&mut self, from: i32, until: i32) {
        let (mut rows, mut others) = (Rows::default(), Rows::default());
        for id in from..until {
            let product = self.products.make(id);
            write_product(&mut rows, &product);
            for (place, other) in (1..).zip(&product.related) {
                others.row(3).integer(id).small(place).integer(*other);
            }
            self.wares.push(Ware::from(&product));
        }
        self.put(&PRODUCTS, &mut rows, u64::from(until.abs_diff(from)));
        self.put(&RELATED, &mut others, 0);
    }

    fn customers(&mut self, from: i64, until: i64) {
        let mut rows = Rows::default();
        for id in from..until {
            let customer = customers::one(&self.size, id);
            let row = rows.row(5).big(id).text(&customers::mail(id));
            let row = row.text(&customer.name).text(customers::DEMO_HASH);
            row.time(customer.created);
        }
        self.put(&CUSTOMERS, &mut rows, until.abs_diff(from));
    }

    fn orders(&mut self, from: i64, until: i64) {
        let [mut heads, mut lines, mut payments, mut outbox]: [Rows; 4] = Default::default();
        for id in from..until {
            let order = orders::one(&self.size, &self.wares, &self.zipf, id);
            let total = order.total();
            self.write_order(&mut heads, &order, total);
            for (place, line) in (1..).zip(&order.lines) {
                let row = lines.row(5).big(id).small(place).integer(line.product);
                row.integer(line.quantity).big(line.price);
                let sold = &mut self.sold[line.product as usize - 1];
                sold.0 += i64::from(line.quantity);
                sold.1 += 1;
            }
            let row = payments.row(5).big(id).big(id).big(total);
            row.text("account").time(order.placed);
            let row = outbox.row(6).big(id).text("order.created").big(id);
            row.time(order.placed).time(order.placed).time(order.done);
            let day = self.days.entry(order.placed / DAY * DAY).or_default();
            day.0 += 1;
            day.1 += total;
        }
        self.put(&ORDERS, &mut heads, until.abs_diff(from));
        self.put(&LINES, &mut lines, 0);
        self.put(&PAYMENTS, &mut payments, 0);
        self.put(&OUTBOX, &mut outbox, 0);
    }

    fn write_order(&self, rows: &mut Rows, order: &Order, total: i64) {
        let customer = customers::one(&self.size, order.customer);
        let key = format!("seeded-{}", order.id);
        let content = ring::digest::digest(&ring::digest::SHA256, key.as_bytes());
        let row = rows.row(13).big(order.id).text(&order.number);
        let row = row.big(order.customer).text(&key).bytes(content.as_ref());
        let row = row.time(order.placed).text(order.status).big(total);
        let (postcode, city, country) = customer.town;
        let row = row.text(&customer.name).text(&customer.street);
        row.text(postcode).text(city).text(country);
    }

    fn sums(&mut self) {
        let (mut stock, mut sales, mut counts) =
            (Rows::default(), Rows::default(), Rows::default());
        for (ware, (sold, orders)) in self.wares.iter().zip(&self.sold) {
            let available = products::in_stock(self.size.seed, ware.id);
            let row = stock.row(3).integer(ware.id).integer(available);
            row.big(i64::from(available) + sold);
            if *sold > 0 {
                let row = sales.row(4).integer(ware.id);
                row.small(category_id(ware.department))
                    .big(*sold)
                    .big(*orders);
            }
        }
        for (day, (orders, total)) in &self.days {
            counts.row(3).day(*day).big(*orders).big(*total);
        }
        self.put(&STOCK, &mut stock, 0);
        self.put(&SALES, &mut sales, 0);
        self.put(&COUNTS, &mut counts, 0);
    }
}

impl Iterator for Content {
    type Item = Piece;

    fn next(&mut self) -> Option<Piece> {
        while self.ready.is_empty() {
            self.next = match self.next {
                Next::Categories => {
                    self.categories();
                    Next::Products(1)
                }
                Next::Products(from) if from <= self.size.products => {
                    let until = (from + PIECE as i32).min(self.size.products + 1);
                    self.products(from, until);
                    Next::Products(until)
                }
                Next::Products(_) => Next::Customers(1),
                Next::Customers(from) if from <= self.size.customers => {
                    let until = (from + PIECE).min(self.size.customers + 1);
                    self.customers(from, until);
                    Next::Customers(until)
                }
                Next::Customers(_) => Next::Orders(1),
                Next::Orders(from) if from <= self.size.orders => {
                    let until = (from + PIECE).min(self.size.orders + 1);
                    self.orders(from, until);
                    Next::Orders(until)
                }
                Next::Orders(_) => Next::Sums,
                Next::Sums => {
                    self.sums();
                    Next::End
                }
                Next::End => return None,
            };
        }
        self.ready.pop_front()
    }
}

const fn category_id(department: usize) -> i16 {
    department as i16 + 1
}

fn write_product(rows: &mut Rows, product: &Product) {
    let details = serde_json::Value::from_iter(
        product
            .details
            .iter()
            .map(|(name, value)| serde_json::json!([name, value])),
    );
    let row = rows.row(9).integer(product.id);
    let row = row.small(category_id(product.department));
    let row = row.text(&product.title).text(product.maker);
    let row = row.text(&product.description).json(&details.to_string());
    let row = row.big(product.price);
    match product.list_price {
        Some(before) => row.big(before),
        None => row.null(),
    };
    row.time(product.added);
}

#[cfg(test)]
mod tests {
    use ring::digest::{Context, SHA256};

    use super::*;

    fn digest(size: Size) -> String {
        let mut digest = Context::new(&SHA256);
        for piece in Content::new(size) {
            digest.update(piece.table.name.as_bytes());
            digest.update(&piece.rows);
        }
        let bytes = digest.finish();
        bytes
            .as_ref()
            .iter()
            .take(16)
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    const SIZE: Size = Size {
        seed: 1,
        products: 500,
        customers: 300,
        orders: 7_000,
    };

    /// Numbers of a rehearsal can be compared only between shops with the same content: it must not change by accident, nor with the machine.
    #[test]
    fn the_content_is_the_known_one() {
        assert_eq!(digest(SIZE), "527bdb660f93050e0b70f42d6be83afe");
        assert_ne!(digest(Size { seed: 2, ..SIZE }), digest(SIZE));
    }

    #[test]
    fn everything_is_counted_for_the_progress() {
        let things: u64 = Content::new(SIZE).map(|piece| piece.things).sum();
        assert_eq!(things, 500 + 300 + 7_000);
    }

    #[test]
    fn a_shop_without_orders_is_one_too() {
        let none = Content::new(Size { orders: 0, ..SIZE });
        let names: Vec<&str> = none.map(|piece| piece.table.name).collect();
        assert_eq!(
            names,
            [
                "categories",
                "products",
                "related_products",
                "customers",
                "stock"
            ]
        );
    }
}
